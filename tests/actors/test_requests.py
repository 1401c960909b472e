"""What callers ask of `submit`, taken apart: what is wrong is named, with its value and the remedy."""

from typing import Any

import pytest

from polaris_llm.actors.requests import Request, completed, default_spec, run_spec, with_live_tools
from polaris_llm.core.commands import CallModel
from polaris_llm.core.events import RunStarted
from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.models import Message, MessageRole
from polaris_llm.core.parts import text_message
from polaris_llm.core.prompt_manager import PromptManager
from polaris_llm.core.prompt_templates import PromptTemplate
from polaris_llm.core.runs import RunLimits, RunSpec
from polaris_llm.core.session import Session
from polaris_llm.core.settings import Settings
from polaris_llm.core.tool_registry import EchoTool, FunctionTool

DEFAULTS = RunSpec(objective="", protocol="json")


def look(at: str) -> str:
    """Look at something."""
    return at


def test_tools_are_told_apart_by_where_they_run() -> None:
    request = Request.of("do it", {"tools": ["echo", "some.module:name", look, EchoTool()]}, DEFAULTS)

    assert request.pool_tools == ("echo", "some.module:name")
    assert [tool.name for tool in request.live_tools] == ["look", "echo"]
    assert isinstance(request.live_tools[0], FunctionTool)


def test_options_replace_the_defaults_and_the_rest_stays() -> None:
    request = Request.of("do it", {"system": "Be brief.", "temperature": 0.5, "limits": RunLimits(max_steps=2)}, DEFAULTS)

    assert request.spec == RunSpec(objective="do it", protocol="json", system="Be brief.", temperature=0.5, limits=RunLimits(max_steps=2))


def test_messages_of_templates_are_taken_as_their_texts_and_the_run_tells_the_templates() -> None:
    prompts = PromptManager()
    for name in ("rules", "task"):
        prompts.register_template(PromptTemplate(name, f"{name} for {{system}}"))
    system, task = (
        make(name, system="farm") for make, name in ((prompts.create_system_message, "rules"), (prompts.create_user_message, "task"))
    )

    spec = Request.of(task, {"system": system, "history": [Message(MessageRole.USER, "Hello")]}, DEFAULTS).spec

    assert (spec.objective, spec.system, spec.history) == ("task for farm", "rules for farm", (text_message("user", "Hello"),))
    templates: Any = spec.metadata["templates"]
    assert [template["name"] for template in templates] == ["rules", "task"]
    (command,) = Session("s").receive(RunStarted(run_id="r", spec=spec, at=0.0))
    assert isinstance(command, CallModel)
    assert command.request.metadata == spec.metadata


def test_every_request_has_an_id_of_its_own_unless_one_is_given() -> None:
    ids = {Request.of("", {}, DEFAULTS).session_id for _ in range(3)}

    assert len(ids) == 3
    assert Request.of("", {"session_id": "mine"}, DEFAULTS).session_id == "mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sytem": ""}, r"unknown option 'sytem' \(did you mean 'system'\?\); known: cache, context, .*, tools"),
        ({"tools": [7]}, "7 is no tool: give a name of the settings' tools, 'module:name', a function or a BaseTool"),
        ({"tools": "echo"}, "tools is 'echo': give a list of tools"),
        ({"temperature": "hot"}, "temperature is 'hot': input should be a valid number"),
        ({"context": {"farm": {"lock": object()}}}, r"context\.farm.* is <object object at .*>: .*json"),
        ({"limits": {"max_steps": "many"}}, r"limits\.max_steps is 'many': input should be a valid integer"),
        ({"protocol": "xml"}, "protocol is 'xml': input should be 'native'"),
        ({"live_tools": ("look",)}, "unknown option 'live_tools'"),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(LLMConfigurationError, match=message):
        Request.of("do it", options, DEFAULTS)


def test_an_objective_that_is_no_text_is_refused() -> None:
    with pytest.raises(LLMConfigurationError, match="objective is 7: input should be a valid string"):
        run_spec(7, {}, DEFAULTS)  # type: ignore[arg-type]  # on purpose


def test_an_agent_of_a_simulation_takes_no_tools_of_its_own() -> None:
    with pytest.raises(LLMConfigurationError, match="unknown option 'tools'"):
        run_spec("", {"tools": ["echo"]}, DEFAULTS)


def test_runs_are_as_the_settings_want_them() -> None:
    wanted = {"max_steps": 3, "deadline_s": 4.0, "caller_timeout_s": 5.0, "protocol": "json"}
    spec = default_spec(Settings.load({"conversation_management": wanted}))

    assert spec.limits == RunLimits(max_steps=3, deadline_s=4.0, caller_timeout_s=5.0)
    assert spec.protocol == "json"


def test_a_spec_is_completed_by_its_providers_settings_where_it_says_nothing() -> None:
    settings = Settings.load({"providers": {"small": {"model": "tiny", "temperature": 0.7, "max_tokens": 9}}})

    filled = completed(RunSpec(objective="", provider="small"), settings)
    kept = completed(RunSpec(objective="", provider="small", model="other", temperature=0.0, max_output_tokens=1), settings)

    assert (filled.model, filled.temperature, filled.max_output_tokens) == ("tiny", 0.7, 9)
    assert (kept.model, kept.temperature, kept.max_output_tokens) == ("other", 0.0, 1)


def test_an_unknown_provider_is_named_beside_those_that_are_known() -> None:
    with pytest.raises(LLMConfigurationError, match="unknown provider 'other'; known: default"):
        completed(RunSpec(objective="", provider="other"), Settings())


def test_two_tools_of_one_name_are_refused() -> None:
    tool = FunctionTool(look)
    spec = with_live_tools(RunSpec(objective="", tools=(tool.get_schema(),)), [tool], "a-process")

    with pytest.raises(LLMConfigurationError, match="two tools are named 'look': rename one of them"):
        completed(spec, Settings())


def test_live_tools_are_listed_with_the_process_that_runs_them() -> None:
    spec = with_live_tools(RunSpec(objective=""), [FunctionTool(look, name="peek")], "a-process")

    assert (spec.live_tools, spec.caller_id, [schema.name for schema in spec.tools]) == (("peek",), "a-process", ["peek"])
