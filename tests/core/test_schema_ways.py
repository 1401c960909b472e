"""Answers by schema by a tool that must be called, and which schemas a tool can say."""

from dataclasses import replace
from typing import Any

import pytest

from polaris_llm.core.exceptions import LLMResponseParsingError
from polaris_llm.core.inference import FinishReason, ModelRequest, ModelResponse
from polaris_llm.core.parts import ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from polaris_llm.core.providers.mock import MockModel
from polaris_llm.core.providers.tool_call_parts import call_part
from polaris_llm.core.schema_ways import ByPrompt, ByTool, answer_tool, way_of
from polaris_llm.core.structured import answer_by_schema
from polaris_llm.core.usage import Usage
from support.model_requests import CALL, WEATHER, ScriptedModel, a_request, a_response

pytestmark = pytest.mark.anyio

SCHEMA = {"type": "object", "properties": {"servers": {"type": "integer"}}, "required": ["servers"]}
REQUEST = a_request("How many?", response_schema=SCHEMA)


async def answered_by_tool(model: ScriptedModel) -> ModelResponse:
    way = way_of(REQUEST, can_be_forced=True)
    assert isinstance(way, ByTool)
    return await answer_by_schema(model.respond, REQUEST, way, CALL)


def called(*arguments: dict[str, Any] | str, **changes: Any) -> ModelResponse:
    """An answer that calls the tool; a text stands for arguments that are no JSON object."""
    calls = (call_part(f"call-{number}", "answer", each, None) for number, each in enumerate(arguments))
    return a_response(**{"parts": tuple(calls), "finish_reason": FinishReason.TOOL_CALLS} | changes)


async def test_the_tool_has_the_schema_and_its_arguments_are_the_answer() -> None:
    model = ScriptedModel(called({"servers": 3, "because": "so"}))

    response = await answered_by_tool(model)

    assert (response.text, response.finish_reason, response.tool_calls) == ('{"because":"so","servers":3}', FinishReason.STOP, ())
    (tool,) = model.asked[0].tools
    assert tool.json_schema() == SCHEMA
    assert (model.asked[0].tool_choice, model.asked[0].response_schema) == ("required", None)
    assert model.asked[0].messages == REQUEST.messages


@pytest.mark.parametrize("wrong", [{"servers": "three"}, {}, '{"servers": '], ids=["another type", "nothing", "broken off"])
async def test_a_call_that_does_not_fit_is_answered_with_what_is_wrong_and_may_be_mended_once(wrong: Any) -> None:
    usage = Usage(input_tokens=10, output_tokens=5)
    model = ScriptedModel(called(wrong, usage=usage), called({"servers": 3}, usage=usage))

    response = await answered_by_tool(model)

    assert response.text == '{"servers":3}'
    assert (response.usage, response.attempts, response.metadata["repaired"]) == (usage + usage, 2, True)
    said, told = model.asked[1].messages[-2:]
    (result,) = told.parts
    assert isinstance(result, ToolResultPart)
    assert (result.call_id, result.is_error, told.role) == (said.tool_calls[0].call_id, True, "tool")
    assert "cannot be used" in str(result.content)
    assert model.asked[1].tools == model.asked[0].tools


async def test_two_calls_that_do_not_fit_are_an_error() -> None:
    with pytest.raises(LLMResponseParsingError, match=r"when told what was wrong neither: \$: 'servers' is a required property"):
        await answered_by_tool(ScriptedModel(called({}), called({})))


async def test_of_several_calls_the_one_that_fits_is_the_answer() -> None:
    assert (await answered_by_tool(ScriptedModel(called({}, {"servers": 2})))).text == '{"servers":2}'


async def test_a_model_that_says_the_json_in_place_of_calling_is_understood() -> None:
    model = ScriptedModel(a_response("three"), a_response('So: {"servers": 3}'))

    assert (await answered_by_tool(model)).text == '{"servers": 3}'
    assert model.asked[1].messages[-1].role == "user"


async def test_thoughts_that_led_to_the_call_stay_to_be_read_and_are_not_signed() -> None:
    thought = ReasoningPart(text="Count them.", signature="sig", provider_data={"anthropic": {"type": "thinking"}})
    opaque = ReasoningPart(text="", provider_data={"openai_responses": {"item": {"id": "rs_1"}}})
    call = ToolCallPart(call_id="c", name="answer", arguments={"servers": 3})

    response = await answered_by_tool(ScriptedModel(called(parts=(opaque, thought, TextPart(text="Here:"), call))))

    assert response.parts == (ReasoningPart(text="Count them."), TextPart(text='{"servers":3}'))


async def test_a_refusal_of_the_tool_is_left_alone() -> None:
    refused = a_response("I will not.", finish_reason=FinishReason.REFUSAL)

    assert await answered_by_tool(ScriptedModel(refused)) == refused


async def test_the_mock_answers_by_the_tool_too() -> None:
    def script(request: ModelRequest) -> ModelResponse:
        return called({"servers": 3}) if request.tool_choice == "required" else a_response("three")

    way = way_of(REQUEST, can_be_forced=True)
    assert way is not None
    response = await answer_by_schema(MockModel(script).respond, REQUEST, way, CALL)

    assert (response.text, response.finish_reason, response.metadata["mock"]) == ('{"servers":3}', FinishReason.STOP, True)


@pytest.mark.parametrize(
    ("request_", "can_be_forced"),
    [(REQUEST, False), (replace(REQUEST, tools=(WEATHER,)), True), (replace(REQUEST, response_schema={"type": "integer"}), True)],
    ids=["cannot be forced", "has tools", "no object"],
)
def test_the_prompt_is_for_what_no_tool_can_be_forced_for(request_: ModelRequest, can_be_forced: bool) -> None:
    assert way_of(request_, can_be_forced=can_be_forced) == ByPrompt(schema=request_.response_schema or {})


def test_a_tool_says_what_the_schema_says() -> None:
    servers = {"type": "array", "items": {"$ref": "#/$defs/Server"}}
    schema = {
        "title": "Farm",
        "description": "The farm as it is.",
        "type": "object",
        "properties": {"servers": servers},
        "required": ["servers"],
        "additionalProperties": False,
        "$defs": {"Server": {"type": "object"}},
    }

    tool = answer_tool(schema)

    assert tool is not None
    assert tool.description == "The farm as it is."
    assert tool.json_schema() == {name: value for name, value in schema.items() if name not in ("title", "description")}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"anyOf": [SCHEMA]},
        {**SCHEMA, "minProperties": 1},
        {**SCHEMA, "additionalProperties": {"type": "integer"}},
        {"type": ["object", "null"], "properties": {"a": {}}},
    ],
)
def test_a_schema_that_a_tool_could_not_say_is_none_of_a_tool(schema: dict[str, Any]) -> None:
    assert answer_tool(schema) is None
