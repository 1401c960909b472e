"""Tools without native tool calls: one JSON action per answer, from the prompt to the result."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from polaris_llm.core.action_protocol import action_schema, instructions
from polaris_llm.core.canonical import MAX_DEPTH
from polaris_llm.core.commands import CallModel, EndRun, RunTool
from polaris_llm.core.parts import ToolCallPart, text_message
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.tool_schema import ToolSchema
from polaris_llm.core.verdicts import Answered, ToolsWanted, Unusable, Verdict, verdict_on
from support.session_values import JSON, WORDS
from support.sessions import LAUNCH, LOOK, TOOLS, a_session, a_spec, completed, responded, said

ACTIONS = a_spec(protocol="json")
PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
TYPED_ACTIONS = a_spec(protocol="json", result_schema=PERSON)
USE_LOOK = '{"action": "use_tool", "tool_name": "look", "parameters": {}}'


def verdict(text: str, spec: RunSpec) -> Verdict:
    """What a text means for a run."""
    return verdict_on(said(text), spec)


def complaint(text: str, spec: RunSpec) -> str:
    """Why a text cannot be used by a run."""
    found = verdict(text, spec)
    assert isinstance(found, Unusable), f"{found} is no Unusable"
    return found.error.message


@given(name=WORDS, arguments=st.dictionaries(WORDS, JSON, max_size=3), prose=st.text("abc .\n"))
def test_a_use_tool_action_wants_its_tool_in_any_prose(name: str, arguments: dict[str, Any], prose: str) -> None:
    action = json.dumps({"action": "use_tool", "tool_name": name, "parameters": arguments})

    found = verdict(f"{prose}{action}{prose}", ACTIONS)

    assert found == ToolsWanted(calls=(ToolCallPart(call_id="call", name=name, arguments=arguments),))


def test_an_action_is_found_behind_other_json() -> None:
    text = '[1] With {"servers": 3} up, {"action": "use_tool", "tool_name": "look", "parameters": {}}'

    assert isinstance(verdict(text, ACTIONS), ToolsWanted)


def test_parameters_may_be_left_out() -> None:
    found = verdict('{"action": "use_tool", "tool_name": "look"}', ACTIONS)

    assert found == ToolsWanted(calls=(ToolCallPart(call_id="call", name="look", arguments={}),))


@pytest.mark.parametrize("parameters", [[1], "x", 3, None])
def test_parameters_that_are_no_object_are_malformed(parameters: Any) -> None:
    found = verdict(json.dumps({"action": "use_tool", "tool_name": "look", "parameters": parameters}), ACTIONS)

    assert isinstance(found, ToolsWanted)
    assert (found.calls[0].arguments, found.calls[0].malformed) == ({}, json.dumps(parameters))


@given(result=JSON)
def test_a_final_answer_action_answers_with_its_result(result: Any) -> None:
    text = json.dumps({"action": "final_answer", "result": result, "reasoning": "because"})

    assert verdict(text, ACTIONS) == Answered(result=result)


@pytest.mark.parametrize("depth", [3, 30, MAX_DEPTH - 1])
def test_a_final_answer_may_be_nested_deeply(depth: int) -> None:
    result: Any = "core"
    for _ in range(depth):
        result = {"shell": result}

    assert verdict(f"Done: {json.dumps({'action': 'final_answer', 'result': result})}", ACTIONS) == Answered(result=result)


def test_a_final_answer_must_satisfy_the_schema() -> None:
    assert verdict('{"action": "final_answer", "result": {"name": "Ada"}}', TYPED_ACTIONS) == Answered(result={"name": "Ada"})
    assert "'name' is a required property" in complaint('{"action": "final_answer", "result": {}}', TYPED_ACTIONS)


def test_plain_text_is_the_answer_to_a_run_of_actions_without_a_schema() -> None:
    text = 'The "action" was good: load fell into [0, 1).'

    assert verdict(text, ACTIONS) == Answered(result=text)


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ('{"action": "dance"}', "unknown action 'dance'; known: use_tool, final_answer"),
        ('{"action": "use_tool"}', "the action use_tool has no tool_name"),
        ('{"action": "use_tool", "tool_name": 3}', "the action use_tool has no tool_name"),
        ('{"action": "final_answer"}', "the action final_answer has no result"),
        ('{"action": "use_tool", "tool_name": "look", "parameters": {"a": 1', "the answer is cut off"),
        ('{"action": "final_answer", "result": {"action": "use_tool", "tool_name": "look"}', "the answer is cut off"),
        ('{"action": "use_tool", \'tool_name\': "look"}', "the action is not valid JSON"),
        ('{"action": "final_answer", "result": NaN}', "the action is not valid JSON"),
        ('{"plan": {"action": "use_tool", "tool_name": "look"}, oops}', "the action is not valid JSON"),
    ],
)
def test_a_flawed_action_is_unusable_and_says_how(text: str, flaw: str) -> None:
    assert flaw in complaint(text, ACTIONS)


def test_an_action_runs_its_tool_and_the_result_comes_as_json() -> None:
    session = a_session(spec=ACTIONS)

    (command,) = session.receive(responded(1, said(USE_LOOK)))
    assert isinstance(command, RunTool)
    (then,) = session.receive(completed("call", {"seen": ["a", None]}))

    assert isinstance(then, CallModel)
    assert then.request.messages[-2] == text_message("assistant", USE_LOOK)
    assert then.request.messages[-1] == text_message("user", '{"tool_result":{"result":{"seen":["a",null]},"tool_name":"look"}}')


def test_results_are_written_with_their_letters_as_they_are() -> None:
    session = a_session(responded(1, said(USE_LOOK)), completed("call", "naïve 日本 \ud83d"), spec=ACTIONS)

    assert '"result":"naïve 日本 \\ud83d"' in session.state.messages[-1].text


def test_an_action_with_a_tool_that_is_not_listed_is_not_run_and_the_model_is_told_so() -> None:
    session = a_session(spec=a_spec(tools=(LOOK,), protocol="json"))

    (command,) = session.receive(responded(1, said('{"action": "use_tool", "tool_name": "launch", "parameters": {}}')))

    assert isinstance(command, CallModel)
    assert json.loads(command.request.messages[-1].text) == {
        "tool_result": {"tool_name": "launch", "error": "unknown tool 'launch'; available: look"}
    }


def test_every_action_has_an_id_of_its_own() -> None:
    session = a_session(responded(1, said(USE_LOOK)), completed("call"), spec=ACTIONS)

    (command,) = session.receive(responded(2, said(USE_LOOK)))

    assert isinstance(command, RunTool)
    assert command.call.call_id == "call.2"


def test_a_final_answer_ends_the_run() -> None:
    (command,) = a_session(spec=ACTIONS).receive(responded(1, said('Done. {"action": "final_answer", "result": {"servers": 3}}')))

    assert command == EndRun(status="completed", result={"servers": 3})


def test_no_native_tools_are_offered_but_the_prompt_and_the_schema_tell_of_them() -> None:
    (command,) = a_session(spec=a_spec(protocol="json", system="be brief")).pending()

    assert isinstance(command, CallModel)
    assert (command.request.tools, command.request.tool_choice) == ((), "auto")
    assert command.request.messages[0].text == "be brief\n\n" + instructions(TOOLS, None)
    assert command.request.response_schema == action_schema(TOOLS, None)


def test_the_last_step_leaves_only_a_final_answer() -> None:
    (command,) = a_session(spec=a_spec(protocol="json", result_schema=PERSON, max_steps=1)).pending()

    assert isinstance(command, CallModel)
    assert command.request.response_schema == action_schema((), PERSON)


def test_the_prompt_names_every_tool_with_what_it_takes() -> None:
    text = instructions((ToolSchema("move", "Moves.", {"to": {"type": "integer"}}, ["to"]),), PERSON)

    assert '- move: Moves. Parameters: {"properties":{"to":{"type":"integer"}},"required":["to"],"type":"object"}' in text
    assert '"name":{"type":"string"}' in text


NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "n": {"type": "integer"}}, "required": ["n"]}
WALK = ToolSchema("walk", "", {"path": {"$ref": "#/$defs/Node"}}, ["path"], definitions={"Node": NODE}, closed=True)
COUNT = ToolSchema("count", "", {"of": {"$ref": "#/$defs/Node"}}, definitions={"Node": {"type": "string"}})
RESULT = {"$defs": {"Node": {"type": "boolean"}}, "$ref": "#/$defs/Node"}


@pytest.mark.parametrize(
    ("action", "valid"),
    [
        ({"action": "use_tool", "tool_name": "walk", "parameters": {"path": {"n": 1, "next": {"n": 2}}}}, True),
        ({"action": "use_tool", "tool_name": "walk", "parameters": {"path": {"n": 1, "next": {"n": "2"}}}}, False),
        ({"action": "use_tool", "tool_name": "walk", "parameters": {"path": {"n": 1}, "more": 1}}, False),
        ({"action": "use_tool", "tool_name": "count", "parameters": {"of": "sheep"}}, True),
        ({"action": "use_tool", "tool_name": "count", "parameters": {"of": {"n": 1}}}, False),
        ({"action": "use_tool", "tool_name": "run", "parameters": {}}, False),
        ({"action": "use_tool", "tool_name": "count"}, False),
        ({"action": "final_answer", "result": True}, True),
        ({"action": "final_answer", "result": "sheep"}, False),
        ({"action": "final_answer"}, False),
    ],
)
def test_the_schema_allows_only_actions_that_can_be_carried_out(action: dict[str, Any], valid: bool) -> None:
    assert Draft202012Validator(action_schema((WALK, COUNT), RESULT)).is_valid(action) is valid


def test_without_a_result_schema_any_result_is_allowed() -> None:
    validator = Draft202012Validator(action_schema((LAUNCH,), None))

    results: list[Any] = [None, 1, "x", [1], {}]
    assert all(validator.is_valid({"action": "final_answer", "result": result}) for result in results)


def test_the_tools_own_schemas_are_left_as_they_were() -> None:
    before = json.dumps([WALK.json_schema(), RESULT])

    action_schema((WALK,), RESULT)

    assert json.dumps([WALK.json_schema(), RESULT]) == before
