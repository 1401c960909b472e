"""Gemini's answers as its documentation shows them."""

import json

import pytest

from polaris_llm.core.inference import FinishReason
from polaris_llm.core.parts import ModelMessage, ToolResultPart
from support.google_answers import CODEC, decoded, payload
from support.model_requests import a_request


def test_a_turn_with_tools_goes_back_as_it_came() -> None:
    response = decoded(payload("tool_calls"))
    results = tuple(ToolResultPart(call_id=call.call_id, name=call.name, content="grey") for call in response.tool_calls)
    messages = (*a_request().messages, response.as_message(), ModelMessage(role="tool", parts=results))

    contents = json.loads(CODEC.encode(a_request(messages=messages, model="gemini-3-pro-preview")).body)["contents"]

    assert contents[1] == payload("tool_calls")["candidates"][0]["content"]
    assert [part["functionResponse"]["id"] for part in contents[2]["parts"]] == ["fc_1", "fc_2"]


def test_the_usage_counts_thoughts_as_output() -> None:
    usage = decoded(payload("tool_calls")).usage

    assert (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) == (61, 124, 88)
    assert usage.total_tokens == usage.raw["totalTokenCount"]


@pytest.mark.parametrize(
    ("name", "reason", "raw"),
    [("blocked", FinishReason.CONTENT_FILTER, "PROHIBITED_CONTENT"), ("malformed_call", FinishReason.ERROR, "MALFORMED_FUNCTION_CALL")],
)
def test_an_answer_that_is_none_says_why(name: str, reason: FinishReason, raw: str) -> None:
    response = decoded(payload(name))

    assert (response.parts, response.finish_reason, response.raw_finish_reason) == ((), reason, raw)
    assert response.metadata["google"]
