"""`polaris-llm chat`: a conversation, with a person at the terminal or with lines that are piped in."""

from contextlib import ExitStack
from typing import Any

import click

from ..core.client_factory import client_for
from ..core.exceptions import LLMIntegrationError
from .ask import MOCK_NOTE, asked_runtime, connect_option, engine_option, use_option, yes_option
from .commands import Command, as_json_option, examples
from .following import consent_of
from .output import note, print_json_line
from .reading import messages, stdin
from .runtime_choice import RuntimeChoice, runtime_options
from .settings_choice import SettingsChoice, settings_options
from .talks import AgentTalk, ModelTalk, Talk
from .tool_choice import ToolChoice, tool_options, with_modules_of_this_folder

QUIT = "/quit"


@click.command(
    cls=Command,
    short_help="Talk with a model, or with an agent that has tools.",
    epilog=examples(
        "polaris-llm chat --provider local --base-url http://127.0.0.1:8080/v1 --model my-model",
        "polaris-llm chat --settings llm.yaml --tool calculator",
        "echo 'Why is the sky blue?' | polaris-llm chat --settings llm.yaml",
    ),
)
@settings_options
@use_option
@click.option("--system", metavar="TEXT", help="The system prompt.")
@click.option("--timeout", type=click.FloatRange(1), default=300.0, show_default=True, help="Seconds for one answer.")
@tool_options
@yes_option
@engine_option
@connect_option
@runtime_options
@as_json_option
@with_modules_of_this_folder
def chat(choice: SettingsChoice, which: RuntimeChoice, allowed: ToolChoice, as_json: bool, **given: Any) -> None:  # the options
    """Talk with a model; it remembers what was said. /quit or Ctrl-D ends it, Ctrl-C stops an answer.

    Answers appear as they are written, if the model can. With tools each message is a run of one session. What is piped in is one
    message a line. With --json, each answer is one JSON line.
    """
    which.require_use(given["connect"])
    if not (given["connect"] or choice.is_made):
        note(MOCK_NOTE)
    with ExitStack() as open_things:
        talk = _talk(choice, which, allowed, given, open_things)
        converse(talk, as_json=as_json)


def converse(talk: Talk, *, as_json: bool) -> None:
    """Answer what is said until there is no more; at a terminal an error ends one answer only."""
    is_interactive = stdin().isatty()
    if is_interactive:
        note(f"{talk.partner}. {QUIT} or Ctrl-D ends, Ctrl-C stops an answer.")
    for text in messages(QUIT):
        try:
            answer = talk.say(text, lambda piece: None if as_json else click.echo(piece, nl=False))
        except LLMIntegrationError as error:
            if not is_interactive:
                raise
            note(f"No answer: {error.message}")
        except KeyboardInterrupt:
            if not is_interactive:
                raise
            note("\n(stopped; the question is forgotten)")
        else:
            if as_json:
                print_json_line({"question": text, **answer})
            else:
                click.echo()


def _talk(choice: SettingsChoice, which: RuntimeChoice, allowed: ToolChoice, given: dict[str, Any], open_things: ExitStack) -> Talk:
    use, system, timeout_s = given["use"], given["system"], given["timeout"]
    if allowed.tools or allowed.live_tools:
        runtime = open_things.enter_context(asked_runtime(choice, which, given["connect"], given["engine"]))
        consent = consent_of(given["yes"], is_shared=given["connect"])
        return AgentTalk(runtime, timeout_s, consent, tools=allowed.load(), system=system, provider=use)
    if given["connect"]:
        client = open_things.enter_context(asked_runtime(choice, which, True, given["engine"])).client(use)
    else:
        client = client_for(choice.load().provider(use))
    return open_things.enter_context(ModelTalk(client, system, timeout_s))
