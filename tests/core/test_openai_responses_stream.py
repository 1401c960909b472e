"""OpenAI's responses as a stream: what comes when, what servers leave out, and how it fails."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from polaris_llm.core.deltas import ReasoningDelta, StreamFinished, TextDelta, ToolCallDelta, UsageReport
from polaris_llm.core.exceptions import LLMAPIError, LLMConnectionError, LLMRateLimitError, LLMResponseParsingError
from polaris_llm.core.inference import FinishReason
from polaris_llm.core.stream_folding import fold
from support.openai_server import DONE, sse
from support.responses_streams import (
    CALL,
    CODEC,
    HEAD,
    decoded,
    deltas_of,
    ending,
    event,
    events,
    item_events,
    message,
    payload,
    refusal,
    thought,
    tool_call,
)

RECORDED = Path(__file__).parents[1] / "data" / "openai_responses"


def in_twos(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(0, len(text), 2)] or [""]


def texts(*pieces: str) -> bytes:
    return sse(*(event("response.output_text.delta", delta=piece, item_id="msg_1", output_index=0, content_index=0) for piece in pieces))


def unnumbered(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A stream as some servers write it: no numbers at all, and calls have one id only."""
    for each in events(whole, in_twos):
        wire = {name: value for name, value in each.items() if name not in ("output_index", "content_index", "summary_index")}
        if wire.get("item", {}).get("type") == "function_call":
            wire["item"] = {name: value for name, value in wire["item"].items() if name != "id"}
        yield wire


def test_a_stream_is_asked_for() -> None:
    assert json.loads(CALL.body)["stream"] is True
    assert CALL.headers["accept"] == "text/event-stream"


def test_text_is_there_piece_by_piece() -> None:
    decoder = CODEC.stream_decoder(CALL, HEAD)

    pieces = [list(decoder.feed(texts(text))) for text in ("Hel", "lo.")]

    assert pieces == [[TextDelta(text="Hel")], [TextDelta(text="lo.")]]
    assert not decoder.complete
    assert decoder.arrived == "6 characters of text, 0 of reasoning, 0 tool calls"


def test_the_end_says_what_is_known_of_the_answer() -> None:
    *_, usage, end = deltas_of(sse(*events(payload(message("Hello."), service_tier="default"))))

    assert isinstance(usage, UsageReport)
    assert (usage.usage.input_tokens, usage.usage.cache_read_tokens, usage.usage.reasoning_tokens) == (20, 16, 5)
    assert isinstance(end, StreamFinished)
    assert (end.finish_reason, end.raw_finish_reason) == (FinishReason.STOP, "completed")
    assert (end.model, end.response_id, end.provider) == ("served-model", "resp_1", "openai")
    assert end.metadata["service_tier"] == "default"


def test_nothing_is_said_twice() -> None:
    whole = payload(thought("Hm.", "Well."), message("Hello.", "Bye."), tool_call())

    deltas = deltas_of(sse(*events(whole, in_twos)))

    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == "Hello.Bye."
    assert "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta)) == "Hm.Well."
    assert "".join(delta.arguments for delta in deltas if isinstance(delta, ToolCallDelta)) == '{"city": "Bern"}'


def test_a_call_is_named_before_its_arguments_come() -> None:
    first, second, *_ = (delta for delta in deltas_of(sse(*events(payload(tool_call())))) if isinstance(delta, ToolCallDelta))

    assert (first.call_id, first.name, first.arguments) == ("call_1", "weather", "")
    assert (second.call_id, second.name, second.arguments) == (None, None, '{"city": "Bern"}')


def test_a_refusal_is_told_as_it_comes() -> None:
    response = fold(deltas_of(sse(*events(payload(refusal("I must not.")), in_twos))))

    assert (response.text, response.finish_reason) == ("I must not.", FinishReason.REFUSAL)


def test_items_that_are_not_numbered_are_told_apart_by_their_ids() -> None:
    calls = [tool_call(call_id, arguments=json.dumps({"city": call_id})) for call_id in ("a", "b")]
    whole = payload(thought("Hm."), message("Hello."), *({**call, "id": call["call_id"]} for call in calls))

    response = fold(deltas_of(sse(*unnumbered(whole))))

    assert [part.kind for part in response.parts] == ["reasoning", "text", "tool_call", "tool_call"]
    assert response.text == "Hello."
    assert [(call.call_id, call.arguments) for call in response.tool_calls] == [("a", {"city": "a"}), ("b", {"city": "b"})]


def test_pieces_without_any_name_belong_to_the_item_that_came_last() -> None:
    whole = payload(message("Hello."), tool_call("a"), tool_call("b"))
    sent = [{name: value for name, value in wire.items() if name != "item_id"} for wire in unnumbered(whole)]

    response = fold(deltas_of(sse(*sent)))

    assert [part.kind for part in response.parts] == ["text", "tool_call", "tool_call"]
    assert [call.arguments for call in response.tool_calls] == [{"city": "Bern"}] * 2


def test_bare_pieces_and_an_end_make_an_answer() -> None:
    deltas = sse({"type": "response.output_text.delta", "delta": "Hel"}, {"type": "response.output_text.delta", "delta": "lo."})

    response = fold(deltas_of(deltas, sse({"type": "response.completed", "response": {"status": "completed"}})))

    assert (response.text, response.finish_reason) == ("Hello.", FinishReason.STOP)


def test_the_name_of_an_event_may_stand_in_its_own_line() -> None:
    whole = payload(message("Hello."))
    written = ((each["type"], {name: value for name, value in each.items() if name != "type"}) for each in events(whole))

    response = fold(deltas_of(b"".join(f"event: {kind}\n".encode() + sse(rest) for kind, rest in written)))

    assert response == decoded(whole)


def test_a_stream_of_llama_cpp_is_what_it_would_have_answered_whole() -> None:
    sent = (RECORDED / "llama_cpp_hello.sse").read_bytes()

    streamed = fold(deltas_of(*(sent[at : at + 1] for at in range(len(sent)))))
    whole = decoded(json.loads((RECORDED / "llama_cpp_hello.json").read_bytes()))

    assert streamed.text == whole.text == "Hello! I's"
    assert streamed.usage.input_tokens == whole.usage.input_tokens == 33
    assert streamed.usage.output_tokens == whole.usage.output_tokens == 4
    assert (streamed.finish_reason, streamed.model) == (whole.finish_reason, whole.model) == (FinishReason.STOP, "smollm2")


def test_half_a_character_waits_for_the_other_half() -> None:
    halves = [sse(json.dumps({"type": "response.output_text.delta", "delta": text})) for text in ("a\ud83c", "\udf89b", "c\ud83c")]
    end = sse({"type": "response.completed", "response": {}})

    assert [delta.text for delta in deltas_of(*halves, end) if isinstance(delta, TextDelta)] == ["a", "🎉b", "c", "?"]


def test_what_comes_after_the_end_is_passed_over() -> None:
    whole = payload(message("Hello."))

    assert fold(deltas_of(sse(*events(whole)), DONE, texts("too late"))) == decoded(whole)


@pytest.mark.parametrize("rest", [b"", b'data: {"type', DONE, "data: ü".encode()[:-1], sse(*item_events(0, message("Hello.")))])
def test_a_stream_that_breaks_off_is_an_error(rest: bytes) -> None:
    with pytest.raises(LLMConnectionError, match="broke off") as raised:
        deltas_of(texts("Hello."), rest)

    assert raised.value.retryable


@pytest.mark.parametrize(
    ("wire", "retryable"),
    [
        (event("error", code="server_error", message="overloaded"), True),
        (event("error", code=None, message="overloaded"), False),
        ({"type": "error", "error": {"type": "server_error", "code": "server_error", "message": "overloaded"}}, True),
        ({"error": {"message": "overloaded", "code": 503}}, True),
    ],
)
def test_an_error_in_the_stream_is_raised(wire: dict[str, Any], retryable: bool) -> None:
    with pytest.raises(LLMAPIError, match="overloaded") as raised:
        deltas_of(texts("Hello."), sse(wire))

    assert raised.value.retryable is retryable


def test_a_response_that_fails_is_an_error() -> None:
    failed = {**payload(message("Hel"), status="failed"), "error": {"code": "rate_limit_exceeded", "message": "slow down"}}

    with pytest.raises(LLMRateLimitError, match="slow down"):
        deltas_of(texts("Hel"), sse(ending(failed)))


def test_an_answer_that_was_cut_short_says_why() -> None:
    whole = payload(message("Hel"), status="incomplete", incomplete_details={"reason": "max_output_tokens"})

    assert fold(deltas_of(sse(*events(whole)))).finish_reason is FinishReason.LENGTH


@pytest.mark.parametrize("data", ["no JSON", "[1]", '{"type": [', "[" * 100_000])
def test_events_that_cannot_be_read_are_an_error(data: str) -> None:
    with pytest.raises(LLMResponseParsingError, match="has an event that is no JSON"):
        deltas_of(sse(data))


def test_an_end_without_an_answer_is_an_error() -> None:
    with pytest.raises(LLMResponseParsingError, match="has no output"):
        deltas_of(sse({"type": "response.completed"}))


def test_an_event_without_bound_is_an_error() -> None:
    decoder = CODEC.stream_decoder(CALL, HEAD)

    with pytest.raises(LLMAPIError, match="max_event_bytes") as raised:
        list(decoder.feed(b"data: " + b"x" * 9_000_000))

    assert not raised.value.retryable
