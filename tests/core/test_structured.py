"""Answers by schema from models whose server sees to none."""

import json
from dataclasses import replace

import pytest

from polaris_llm.core.exceptions import LLMResponseParsingError, LLMTimeoutError
from polaris_llm.core.inference import FinishReason, ModelRequest, ModelResponse
from polaris_llm.core.parts import TextPart, ToolCallPart
from polaris_llm.core.pricing import COST
from polaris_llm.core.schema_ways import ByPrompt
from polaris_llm.core.structured import answer_by_schema
from polaris_llm.core.usage import Usage
from support.model_requests import CALL, WEATHER, ScriptedModel, a_request, a_response

pytestmark = pytest.mark.anyio

SCHEMA = {"type": "object", "properties": {"servers": {"type": "integer"}}, "required": ["servers"]}
SPENT = Usage(input_tokens=10, output_tokens=5, cache_read_tokens=3, reasoning_tokens=2)
REQUEST = a_request("How many?", response_schema=SCHEMA)


async def answered(model: ScriptedModel, request: ModelRequest = REQUEST) -> ModelResponse:
    return await answer_by_schema(model.respond, request, ByPrompt(schema=SCHEMA), CALL)


async def test_the_schema_goes_into_the_prompt_and_the_answer_is_the_json_alone() -> None:
    model = ScriptedModel(a_response('Surely:\n```json\n{"servers": 3}\n```'))

    response = await answered(model)

    assert json.loads(response.text) == {"servers": 3}
    assert model.asked[0].response_schema is None
    assert model.asked[0].messages[0].role == "system"
    assert json.dumps(SCHEMA) in model.asked[0].messages[0].text
    assert model.asked[0].messages[1:] == REQUEST.messages


async def test_an_answer_that_does_not_fit_may_be_mended_once() -> None:
    usage = Usage(input_tokens=10, output_tokens=5)
    model = ScriptedModel(a_response('{"servers": "three"}', usage=usage), a_response('{"servers": 3}', usage=usage))

    response = await answered(model)

    assert json.loads(response.text) == {"servers": 3}
    assert (response.usage, response.attempts, response.metadata["repaired"]) == (usage + usage, 2, True)
    assert "$.servers: 'three' is not of type 'integer'" in model.asked[1].messages[-1].text
    assert model.asked[1].messages[-2].text == '{"servers": "three"}'


async def test_a_second_answer_that_does_not_fit_is_an_error_that_says_why() -> None:
    model = ScriptedModel(a_response("three"), a_response('{"servers": null}'))

    with pytest.raises(LLMResponseParsingError, match="None is not of type 'integer'") as caught:
        await answered(model)

    assert caught.value.context["response_content"] == '{"servers": null}'
    assert len(model.asked) == 2


async def test_of_several_documents_the_one_that_fits_is_the_answer() -> None:
    response = await answered(ScriptedModel(a_response('{"note": 1} and {"servers": 2}')))

    assert json.loads(response.text) == {"servers": 2}


def paid(response: ModelResponse, cost_usd: float | None) -> ModelResponse:
    return replace(response, usage=SPENT, metadata={} if cost_usd is None else {COST: cost_usd})


@pytest.mark.parametrize("costs", [(0.25, 0.5), (0.25, None), (None, 0.5)])
@pytest.mark.parametrize("text", ['{"servers": 3}', "three"], ids=["mended", "useless"])
async def test_what_both_answers_took_is_told_by_the_answer_or_the_error(text: str, costs: tuple[float | None, float | None]) -> None:
    model = ScriptedModel(paid(a_response("three"), costs[0]), paid(a_response(text), costs[1]))

    took: tuple[object, object]
    try:
        response = await answered(model)
        took = response.usage, response.metadata.get(COST)
    except LLMResponseParsingError as error:
        took = Usage.of(error.context), error.context.get(COST)

    assert took == (SPENT + SPENT, 0.75 if None not in costs else None)


async def test_what_the_first_answer_took_is_told_when_there_is_no_second() -> None:
    model = ScriptedModel(paid(a_response("three"), 0.25), LLMTimeoutError("too slow", 3.0))

    with pytest.raises(LLMTimeoutError) as caught:
        await answered(model)

    assert (Usage.of(caught.value.context), caught.value.context[COST]) == (SPENT, 0.25)
    assert Usage.of(LLMTimeoutError("too slow").context) is None


@pytest.mark.parametrize(
    "answer",
    [
        a_response(parts=(ToolCallPart(call_id="c", name="weather", arguments={}),), finish_reason=FinishReason.TOOL_CALLS),
        a_response("I will not.", finish_reason=FinishReason.REFUSAL),
        a_response(parts=(TextPart(text=""),), finish_reason=FinishReason.CONTENT_FILTER),
    ],
)
async def test_an_answer_that_is_meant_to_be_none_is_left_alone(answer: ModelResponse) -> None:
    model = ScriptedModel(answer)

    assert await answered(model, a_request(tools=(WEATHER,), response_schema=SCHEMA)) == answer
    assert len(model.asked) == 1


async def test_the_second_question_is_a_call_of_its_own_in_the_time_that_is_left() -> None:
    model = ScriptedModel(a_response("three"), a_response('{"servers": 3}'))
    times = iter((100.0, 104.0))

    await answer_by_schema(model.respond, REQUEST, ByPrompt(schema=SCHEMA), replace(CALL, remaining_s=10.0), lambda: next(times))

    first, second = model.calls
    assert (first.remaining_s, second.remaining_s) == (10.0, 6.0)
    assert first.idempotency_key != second.idempotency_key
