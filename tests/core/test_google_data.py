"""Gemini's answers as its documentation shows them, whole and as a stream."""

import json

import pytest

from polaris_llm.core.inference import FinishReason
from polaris_llm.core.parts import ModelMessage, ToolResultPart
from polaris_llm.core.stream_folding import fold
from support.google_answers import CODEC, DATA, decoded, events_of, payload
from support.model_requests import a_request


def test_a_turn_with_tools_goes_back_as_it_came() -> None:
    response = decoded(payload("tool_calls"))
    results = tuple(ToolResultPart(call_id=call.call_id, name=call.name, content="grey") for call in response.tool_calls)
    messages = (*a_request().messages, response.as_message(), ModelMessage(role="tool", parts=results))

    contents = json.loads(CODEC.encode(a_request(messages=messages, model="gemini-3-pro-preview")).body)["contents"]

    assert contents[1] == payload("tool_calls")["candidates"][0]["content"]
    assert [part["functionResponse"]["id"] for part in contents[2]["parts"]] == ["fc_1", "fc_2"]


@pytest.mark.parametrize("size", [1, 3, 1000, 100_000])
def test_a_stream_of_it_is_the_same_answer(size: int) -> None:
    stream = (DATA / "tool_calls.sse").read_bytes()

    events = events_of(*(stream[start : start + size] for start in range(0, len(stream), size)))

    assert fold(events) == decoded(payload("tool_calls"))


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
