"""How the Anthropic codec reads streams: the documented ones, and those of servers that leave things out."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.deltas import ReasoningDelta, StreamEvent, StreamFinished, TextDelta, ToolCallDelta, UsageReport
from polaris_llm.core.exceptions import (
    LLMAPIError,
    LLMBadRequestError,
    LLMConnectionError,
    LLMIntegrationError,
    LLMOverloadedError,
    LLMRateLimitError,
    LLMResponseParsingError,
    LLMServerError,
)
from polaris_llm.core.inference import FinishReason
from polaris_llm.core.parts import ReasoningPart, TextPart, ToolCallPart
from polaris_llm.core.stream_folding import fold
from support.anthropic_messages import CALL, CODEC, HEAD, block, end, events_of, message, response_of, sse, start, stream, text, texts
from support.cuts import cut

STREAMS = sorted((Path(__file__).parents[1] / "data" / "anthropic").glob("*.sse"))
"""Bytes as the API documents them."""
THOUGHT = {"type": "thinking", "thinking": "", "signature": ""}
CALLED = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}


def fed(*chunks: bytes) -> list[StreamEvent]:
    """The events of a stream that goes on."""
    decoder = CODEC.stream_decoder(CALL, HEAD)
    return [event for chunk in chunks for event in decoder.feed(chunk)]


@given(st.data(), st.sampled_from(STREAMS))
def test_chunk_boundaries_anywhere_give_the_same_events(data: st.DataObject, path: Path) -> None:
    stream = path.read_bytes()

    assert events_of(*cut(data, stream)) == events_of(stream)


def test_text_comes_as_it_is_written() -> None:
    events = events_of(stream(texts("Hel", "", "lo.")))

    assert [event for event in events if isinstance(event, TextDelta)] == [TextDelta(text="Hel"), TextDelta(text="lo.")]


def test_usage_is_told_with_the_first_thing_to_see_and_at_the_end() -> None:
    before = fed(sse(start(), {"type": "ping"}))
    events = events_of(stream(texts("Hello.")))

    assert before == []  # until there is something to see, the call can be made again
    assert [type(event) for event in events] == [UsageReport, TextDelta, UsageReport, StreamFinished]
    assert [event.usage.output_tokens for event in events if isinstance(event, UsageReport)] == [1, 3]


def test_the_end_tells_what_is_known_of_the_answer() -> None:
    finished = events_of(stream(texts("Hello."), message(stop_reason="stop_sequence", stop_sequence="END")))[-1]

    assert finished == StreamFinished(
        finish_reason=FinishReason.STOP,
        raw_finish_reason="stop_sequence",
        model="served-model",
        response_id="msg_1",
        provider="anthropic",
        metadata={"anthropic": {"stop_sequence": "END"}},
    )


def test_a_signature_comes_with_its_thought() -> None:
    deltas = ({"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "s"})

    events = [event for event in events_of(stream(block(0, THOUGHT, *deltas))) if isinstance(event, ReasoningDelta)]

    assert [(event.text, event.signature) for event in events] == [("", ""), ("hm", None), ("", "s")]


def test_a_thought_that_is_not_shown_still_has_its_signature() -> None:
    (part,) = fold(events_of(stream(block(0, THOUGHT, {"type": "signature_delta", "signature": "s"})))).parts

    assert part == ReasoningPart(text="", signature="s", provider_data={"anthropic": {"type": "thinking"}})


def test_a_call_is_told_with_its_name_before_its_arguments() -> None:
    pieces = ({"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"city": "O', 'slo"}'))

    events = [event for event in events_of(stream(block(0, CALLED, *pieces))) if isinstance(event, ToolCallDelta)]

    assert [(event.call_id, event.name, event.arguments) for event in events] == [
        ("toolu_1", "weather", ""),
        (None, None, '{"city": "O'),
        (None, None, 'slo"}'),
    ]


def test_arguments_may_come_with_the_calls_beginning() -> None:
    (part,) = fold(events_of(stream(block(0, {**CALLED, "input": {"city": "Oslo"}})))).tool_calls

    assert part.arguments == {"city": "Oslo"}


def test_arguments_that_are_no_json_are_told_as_malformed() -> None:
    (part,) = fold(events_of(stream(block(0, CALLED, {"type": "input_json_delta", "partial_json": '{"city": "Os'})))).tool_calls

    assert (part.arguments, part.malformed) == ({}, '{"city": "Os')


def test_blocks_may_take_turns() -> None:
    first, second = list(texts("a", "b")), list(texts("c", "d", index=1))
    woven = [event for pair in zip(first, second, strict=True) for event in pair]

    assert [part.text for part in fold(events_of(stream(woven))).parts if isinstance(part, TextPart)] == ["ab", "cd"]


def test_characters_may_come_in_halves() -> None:
    halves = json.dumps("🌊").strip('"')[:6], json.dumps("🌊").strip('"')[6:]
    said = [
        b'data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "%b"}}\n\n' % half.encode()
        for half in halves
    ]

    (part,) = fold(events_of(sse(start()), *said, said[0], sse(*end()))).parts

    assert part == TextPart(text="🌊?")


def test_servers_may_forget_to_begin_and_to_end_blocks() -> None:
    deltas = (
        {"type": "text_delta", "text": "Hello."},
        {"type": "input_json_delta", "partial_json": "{}"},
        {"type": "citations_delta", "citation": {"type": "new"}},
    )
    events = [{"type": "content_block_delta", "index": index, "delta": delta} for index, delta in zip((0, 1, 0), deltas, strict=True)]

    assert fold(events_of(stream(events))).parts == (
        TextPart(text="Hello.", provider_data={"anthropic": {"citations": [{"type": "new"}]}}),
        ToolCallPart(call_id="call", name="", arguments={}),
    )


def test_servers_may_number_all_blocks_alike() -> None:
    assert [part.text for part in fold(events_of(stream([*texts("a"), *texts("b")]))).parts if isinstance(part, TextPart)] == ["a", "b"]


def test_what_is_not_known_is_passed_over() -> None:
    strange = [
        {"type": "something_new", "index": 0},
        {"type": "content_block_delta", "index": 7, "delta": {"type": "something_new"}},
        {"type": "content_block_stop", "index": 7},
    ]

    assert fold(events_of(stream([*strange, *texts("Hello.")]))) == response_of(message())


def test_a_stream_that_breaks_off_is_an_error_and_says_how_much_had_arrived() -> None:
    decoder = CODEC.stream_decoder(CALL, HEAD)
    thoughts = block(1, THOUGHT, {"type": "thinking_delta", "thinking": "hm"})
    assert list(decoder.feed(sse(start(), *texts("Hello"), *thoughts, *block(2, CALLED))))

    assert not decoder.complete
    assert decoder.arrived == "5 characters of text, 2 of reasoning, 1 tool calls"
    with pytest.raises(LLMConnectionError, match="broke off"):
        list(decoder.end())


def test_an_answer_is_complete_once_its_stop_reason_is_there() -> None:
    decoder = CODEC.stream_decoder(CALL, HEAD)
    events = list(decoder.feed(sse(start(), *texts("Hello."), end()[0])))

    assert decoder.complete
    assert not decoder.finished
    assert fold([*events, *decoder.end()]) == response_of(message())
    assert decoder.finished


def test_what_comes_after_the_end_is_not_read() -> None:
    assert fold(events_of(stream(texts("Hello.")), b"data: [DONE]\n\n", b"data: {\n\n")) == response_of(message())


@pytest.mark.parametrize(
    ("kind", "error_class", "retryable"),
    [
        ("overloaded_error", LLMOverloadedError, True),
        ("rate_limit_error", LLMRateLimitError, True),
        ("api_error", LLMServerError, True),
        ("invalid_request_error", LLMBadRequestError, False),
    ],
)
def test_an_error_in_the_stream_is_the_one_it_would_be_alone(kind: str, error_class: type[LLMAPIError], retryable: bool) -> None:
    with pytest.raises(error_class, match="too much") as raised:
        events_of(sse(start(), {"type": "error", "error": {"type": kind, "message": "too much"}}))

    assert raised.value.retryable == retryable


def test_an_event_that_is_named_an_error_is_one_whatever_it_holds() -> None:
    with pytest.raises(LLMAPIError, match="too much"):
        events_of(b'event: error\ndata: {"message": "too much"}\n\n')


@pytest.mark.parametrize(
    ("said", "why"),
    [(b"data: {\n\n", "is no JSON"), (b"data: 5\n\n", "is no JSON object"), (sse({"type": "message_stop"}), "has no message")],
)
def test_a_stream_that_cannot_be_read_says_why(said: bytes, why: str) -> None:
    with pytest.raises(LLMResponseParsingError, match=why):
        events_of(said)


PIECES: list[Any] = [
    start(),
    text(),
    {"type": "content_block_start", "index": [0], "content_block": {"type": "text", "citations": 5}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": {}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": ["text_delta"], "text": 5}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta"}},
    {"type": "message_delta", "delta": 5, "usage": 5},
    {"type": "message_stop"},
]


@given(st.binary(max_size=60) | st.lists(st.sampled_from(PIECES)).map(lambda pieces: sse(*pieces)))
def test_whatever_comes_is_an_answer_or_an_error_of_ours(said: bytes) -> None:
    with suppress(LLMIntegrationError):
        assert fold(events_of(said)).provider == "anthropic"
