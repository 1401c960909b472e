"""`polaris-llm ask`: one objective, told from its first step to its answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from ..actors.runtime import LLMRuntime
from ..core.events import Event
from ..core.runs import RunLimits
from .commands import NO_RESULT, Command, as_json_option, examples
from .following import ENDING_S, consent_of, followed
from .output import note, stderr
from .reading import stdin
from .runtime_choice import RuntimeChoice, runtime_options
from .settings_choice import SettingsChoice, settings_options
from .story import Story, as_text, print_event
from .tool_choice import ToolChoice, tool_options, with_modules_of_this_folder

EXAMPLES = examples(
    'polaris-llm ask "What is 6 times 7?" --tool calculator',
    'polaris-llm ask "How loaded is the farm?" --tool my_tools:get_load --settings llm.yaml',
    "polaris-llm ask - --provider openai --model gpt-4o-mini --api-key env:OPENAI_API_KEY < question.txt",
    'polaris-llm ask --connect "How loaded is the farm?" --live-tool my_tools:get_load',
)

connect_option = click.option(
    "--connect", is_flag=True, help="Ask the running runtime (see `polaris-llm start`), not one of this command's own."
)
engine_option = click.option(
    "--engine", type=click.Choice(["inline", "ray"]), default="inline", show_default=True, help="Of this command's own runtime."
)
yes_option = click.option(
    "--yes", is_flag=True, help="Approve every tool call that asks for it.  [default: ask you, if you are at a terminal]"
)
use_option = click.option("--use", metavar="NAME", default="default", show_default=True, help="Which provider of the settings answers.")


@click.command(cls=Command, short_help="Give an agent one objective.", epilog=EXAMPLES)
@click.argument("objective")
@tool_options
@settings_options
@use_option
@click.option("--system", metavar="TEXT", help="The system prompt.")
@click.option("--max-steps", type=click.IntRange(1, 1000), help="Model calls at most.  [default: what the settings say]")
@click.option("--timeout", type=click.FloatRange(1), help="Seconds for the whole run.  [default: what the settings say]")
@yes_option
@engine_option
@connect_option
@runtime_options
@click.option("--quiet", "-q", is_flag=True, help="The answer only.")
@as_json_option
@with_modules_of_this_folder
def ask(objective: str, choice: SettingsChoice, which: RuntimeChoice, allowed: ToolChoice, **given: Any) -> None:  # the options
    """Give an agent one OBJECTIVE; print what it does, and its answer. "-" reads the objective from stdin.

    The answer goes to stdout, the steps to stderr. With --json, every event is one JSON line on stdout; the last one holds the answer.
    """
    text = (stdin().read() if objective == "-" else objective).strip()
    if not text:
        raise click.UsageError("the objective is empty: say what is to be done")
    with asked_runtime(choice, which, given["connect"], given["engine"]) as runtime:
        if not (given["connect"] or choice.is_made):
            note(MOCK_NOTE)
        limits = _limits(runtime, given)
        session = runtime.submit(text, tools=allowed.load(), system=given["system"], provider=given["use"], limits=limits)
        consent = consent_of(given["yes"], is_shared=given["connect"])
        ended = followed(session, limits.deadline_s + ENDING_S, _teller(session.session_id, given), consent)
    if not given["as_json"] and ended.status == "completed":
        click.echo(as_text(ended.result))
    if ended.status != "completed":
        if given["quiet"] and not given["as_json"]:
            note(f"{ended.status}: {ended.error.message if ended.error else 'no answer'}")
        raise click.exceptions.Exit(NO_RESULT)


MOCK_NOTE = "No model was named, so a mock answers: say --settings FILE, or --provider, --model and --base-url."


@contextmanager
def asked_runtime(choice: SettingsChoice, which: RuntimeChoice, connect: bool, engine: str) -> Iterator[LLMRuntime]:
    """The running runtime, or one for this command alone."""
    which.require_use(connect)
    if connect:
        if choice.is_made:
            raise click.UsageError(
                "--connect asks a runtime that has settings of its own: leave out --settings, --set and what names a model"
            )
        with which.connected() as runtime:
            yield runtime
        return
    settings = choice.load()
    with stderr().status(f"Starting the actors ({engine})"):
        own = LLMRuntime.start(settings, engine=engine)
    with own as runtime:
        yield runtime


def _teller(session_id: str, given: dict[str, Any]) -> Callable[[Event], None]:
    if given["as_json"]:
        return lambda event: print_event(session_id, event)
    return (lambda event: None) if given["quiet"] else Story(stderr(), answers=False).tell


def _limits(runtime: LLMRuntime, given: dict[str, Any]) -> RunLimits:
    usual = runtime.settings.conversation_management
    return RunLimits(
        max_steps=given["max_steps"] or usual.max_steps,
        deadline_s=given["timeout"] or usual.deadline_s,
        caller_timeout_s=usual.caller_timeout_s,
    )
