"""OpenAI's chat completions as a stream: the same answer as the whole one, however it is cut; and what servers get wrong."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from polaris_llm.core.deltas import ReasoningDelta, TextDelta, ToolCallDelta, UsageReport
from polaris_llm.core.exceptions import LLMAPIError, LLMConnectionError, LLMResponseParsingError
from polaris_llm.core.inference import FinishReason, ModelResponse
from polaris_llm.core.parts import ReasoningPart, TextPart
from polaris_llm.core.stream_folding import fold
from support.chat_streams import CALL, CODEC, HEAD, calls, events_of
from support.model_requests import a_request
from support.openai_server import DONE, FINISH, USAGE, piece, sse, texts

RECORDED = Path(__file__).parents[1] / "data" / "openai_chat"


def answer_of(*deltas: dict[str, Any]) -> ModelResponse:
    """The answer that some deltas make."""
    return fold(events_of(sse(*map(piece, deltas)), FINISH, DONE))


def test_a_stream_is_asked_for_with_its_usage() -> None:
    body = json.loads(CALL.body)

    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    assert CALL.headers["accept"] == "text/event-stream"


def test_stream_options_can_be_taken_away_but_not_the_stream() -> None:
    body = json.loads(CODEC.encode_stream(a_request(extras={"openai_chat": {"stream_options": None, "stream": False}})).body)

    assert body["stream"] is True
    assert "stream_options" not in body


def test_text_is_there_piece_by_piece() -> None:
    decoder = CODEC.stream_decoder(CALL, HEAD)

    pieces = [list(decoder.feed(texts(text))) for text in ("Hel", "lo.")]

    assert [[event.text for event in events if isinstance(event, TextDelta)] for events in pieces] == [["Hel"], ["lo."]]
    assert not decoder.complete
    assert decoder.arrived.startswith("6 characters of text")


def test_the_end_says_what_is_known_of_the_answer() -> None:
    response = fold(events_of(texts("Hello."), FINISH, USAGE, DONE))

    assert (response.text, response.model, response.response_id, response.provider) == ("Hello.", "served-model", "chatcmpl-1", "local")
    assert (response.finish_reason, response.raw_finish_reason) == (FinishReason.STOP, "stop")
    assert (response.usage.input_tokens, response.usage.output_tokens) == (11, 3)


def test_the_tier_that_answered_is_told_whole_or_streamed() -> None:
    streamed = fold(events_of(sse({**piece({"content": "Hi"}), "service_tier": "flex"}), FINISH, DONE))
    said = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "service_tier": "flex"}
    whole = CODEC.decode(CALL, replace(HEAD, body=json.dumps(said).encode()))

    assert streamed.metadata == whole.metadata == {"service_tier": "flex"}


def test_a_stream_of_llama_cpp_is_what_it_would_have_answered_whole() -> None:
    sent = (RECORDED / "llama_cpp_hello.sse").read_bytes()

    streamed = fold(events_of(*(sent[at : at + 1] for at in range(len(sent)))))
    whole = CODEC.decode(CALL, replace(HEAD, body=(RECORDED / "llama_cpp_hello.json").read_bytes()))

    assert streamed.parts == whole.parts == (TextPart(text="Hello! I'sure I"),)
    assert streamed.usage.input_tokens == whole.usage.input_tokens == 33
    assert streamed.usage.output_tokens == whole.usage.output_tokens == 6
    assert (streamed.usage.cache_read_tokens, whole.usage.cache_read_tokens) == (32, 24)
    assert (streamed.finish_reason, streamed.model) == (whole.finish_reason, whole.model) == (FinishReason.LENGTH, "smollm2")


def test_null_content_and_empty_pieces_are_no_events() -> None:
    events = events_of(sse(piece({"role": "assistant", "content": None}), piece({"content": ""}), piece({"content": "x"})), FINISH, DONE)

    assert [event.kind for event in events] == ["text_delta", "stream_finished"]


def test_a_missing_usage_is_none() -> None:
    assert not any(isinstance(event, UsageReport) for event in events_of(texts("x"), FINISH, DONE))


@pytest.mark.parametrize("ending", [(FINISH,), (DONE,), (FINISH, USAGE), (FINISH, DONE, texts("too late"))])
def test_the_answer_is_whole_with_a_finish_reason_or_the_last_event(ending: tuple[bytes, ...]) -> None:
    assert fold(events_of(texts("Hello."), *ending)).text == "Hello."


@pytest.mark.parametrize("rest", [b"", b'data: {"choices', b"data: [DONE]", "data: ü".encode()[:-1]])
def test_a_stream_that_breaks_off_is_an_error(rest: bytes) -> None:
    with pytest.raises(LLMConnectionError, match="broke off") as raised:
        events_of(texts("Hello."), rest)

    assert raised.value.retryable


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (sse({"error": {"message": "overloaded", "code": 503}}), 503),
        (sse({"error": "overloaded"}), 200),
        (b'event: error\ndata: {"message": "overloaded"}\n\n', 200),
    ],
)
def test_an_error_in_the_stream_is_raised(event: bytes, status: int) -> None:
    with pytest.raises(LLMAPIError, match="overloaded") as raised:
        events_of(texts("Hello."), event, DONE)

    assert raised.value.status_code == status
    assert raised.value.retryable is (status == 503)


@pytest.mark.parametrize("data", ["no JSON", "[1]", '{"choices": [', "[" * 100_000])
def test_events_that_cannot_be_read_are_an_error(data: str) -> None:
    with pytest.raises(LLMResponseParsingError, match="has an event that is no JSON"):
        events_of(sse(data))


def test_a_stream_without_choices_is_an_error() -> None:
    with pytest.raises(LLMResponseParsingError, match="has no choices"):
        events_of(USAGE, DONE)


def test_other_choices_are_passed_over() -> None:
    other = sse({"choices": [{"index": 1, "delta": {"content": "second"}, "finish_reason": "length"}]})

    assert fold(events_of(other, texts("first"), other, FINISH, DONE)).text == "first"


def called(response: ModelResponse) -> list[tuple[str, str, dict[str, Any]]]:
    """The tool calls in short."""
    return [(call.call_id, call.name, call.arguments) for call in response.tool_calls]


def test_pieces_of_two_calls_may_take_turns() -> None:
    response = answer_of(
        calls({"index": 0, "id": "a", "function": {"name": "one", "arguments": '{"x'}}),
        calls({"index": 1, "id": "b", "function": {"name": "two", "arguments": ""}}, {"index": 0, "function": {"arguments": '": 1}'}}),
        calls({"index": 1, "function": {"arguments": '{"y": 2}'}}),
    )

    assert called(response) == [("a", "one", {"x": 1}), ("b", "two", {"y": 2})]
    assert response.finish_reason is FinishReason.TOOL_CALLS


@pytest.mark.parametrize("index", [{"index": 0}, {}])
def test_calls_that_are_not_numbered_are_told_apart_by_their_ids(index: dict[str, int]) -> None:
    wires = [{**index, "id": name, "function": {"name": name, "arguments": {"x": name}}} for name in ("one", "two")]

    assert called(answer_of(calls(wires[0]), calls(wires[1]))) == called(answer_of(calls(*wires)))
    assert called(answer_of(calls(*wires))) == [("one", "one", {"x": "one"}), ("two", "two", {"x": "two"})]


def test_calls_with_neither_number_nor_id_are_told_apart_by_their_names() -> None:
    response = answer_of(calls({"function": {"name": "one", "arguments": "{}"}}), calls({"function": {"name": "two"}}))

    assert called(response) == [("call", "one", {}), ("call_2", "two", {})]


def test_a_name_and_an_id_that_come_again_with_every_piece_count_once() -> None:
    wires = [{"index": 0, "id": "a", "function": {"name": "one", "arguments": text}} for text in ('{"x"', ": 1}")]

    assert called(answer_of(*map(calls, wires))) == [("a", "one", {"x": 1})]


def test_the_old_way_of_calling_streams_too() -> None:
    response = answer_of({"function_call": {"name": "one", "arguments": '{"x'}}, {"function_call": {"arguments": '": 1}'}})

    assert called(response) == [("call", "one", {"x": 1})]


def test_pieces_of_a_reasoning_detail_are_joined() -> None:
    pieces = [{"type": "reasoning.text", "index": 0, "text": text, "signature": signed} for text, signed in (("a", None), ("b", "s"))]

    response = answer_of({"reasoning": "a", "reasoning_details": pieces[:1]}, {"reasoning": "b", "reasoning_details": pieces[1:]})

    kept: dict[str, JsonValue] = {
        "field": "reasoning",
        "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "ab", "signature": "s"}],
    }
    assert response.parts == (ReasoningPart(text="ab", provider_data={"openai_chat": kept}),)


def test_half_a_character_waits_for_the_other_half() -> None:
    halves = [sse(json.dumps(piece({"content": text}))) for text in ("a\ud83c", "\udf89b")]
    lone = sse(json.dumps(piece({"content": "c\ud83c"})))

    response = [event for event in events_of(*halves, lone, FINISH, DONE) if isinstance(event, TextDelta)]

    assert [event.text for event in response] == ["a", "🎉b", "c", "?"]


def test_a_refusal_is_text_of_its_own() -> None:
    response = answer_of({"content": "Well."}, {"refusal": "I will "}, {"refusal": "not."})

    assert [part.kind for part in response.parts] == ["text", "text"]
    assert response.finish_reason is FinishReason.REFUSAL


def test_an_event_without_bound_is_an_error() -> None:
    decoder = CODEC.stream_decoder(CALL, HEAD)

    with pytest.raises(LLMAPIError, match="max_event_bytes") as raised:
        list(decoder.feed(b"data: " + b"x" * 9_000_000))

    assert not raised.value.retryable


def test_events_of_reasoning_and_calls_say_which_they_are() -> None:
    events = events_of(
        sse(piece({"reasoning_content": "hm"}), piece(calls({"index": 0, "id": "a", "function": {"name": "n"}}))), FINISH, DONE
    )

    assert events[:2] == [ReasoningDelta(text="hm"), ToolCallDelta(index=3, call_id="a", name="n")]
