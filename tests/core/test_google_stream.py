"""How the Google codec reads streams."""

import json

import pytest

from polaris_llm.core.deltas import ReasoningDelta, StreamFinished, TextDelta, ToolCallDelta, UsageReport
from polaris_llm.core.exceptions import LLMAPIError, LLMConnectionError, LLMResponseParsingError
from polaris_llm.core.inference import FinishReason
from polaris_llm.core.parts import ProviderData
from polaris_llm.core.stream_folding import fold
from polaris_llm.core.usage import Usage
from support.google_answers import CODEC, HEAD, STREAM_CALL, answer, events_of
from support.openai_server import sse

HELLO = sse(answer({"text": "Hello"}, finish_reason=None, usageMetadata=None))
END = sse(answer(usageMetadata=None))
SIGNED: ProviderData = {"google": {"thoughtSignature": "c2ln"}}


def test_each_payload_is_told_at_once() -> None:
    usage = {"promptTokenCount": 11, "thoughtsTokenCount": 2}
    stream = sse(
        answer({"text": "H", "thought": True}, finish_reason=None, usageMetadata=None),
        answer({"text": "m.", "thought": True}, {"text": "I look."}, finish_reason=None, usageMetadata=None),
        answer({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}, finish_reason=None, usageMetadata=usage),
        answer({"text": ""}, usageMetadata=None),
    )

    assert events_of(stream) == [
        ReasoningDelta(text="H", index=0),
        ReasoningDelta(text="m.", index=0),
        TextDelta(text="I look.", index=1),
        ToolCallDelta(index=2, call_id="call", name="f", arguments='{"a": 1}', provider_data=SIGNED),
        UsageReport(usage=Usage(input_tokens=11, output_tokens=2, reasoning_tokens=2, raw=dict(usage))),
        StreamFinished(
            finish_reason=FinishReason.TOOL_CALLS,
            raw_finish_reason="STOP",
            model="gemini-served",
            response_id="response-1",
            provider="google",
        ),
    ]


def test_a_signature_that_comes_after_its_text_belongs_to_it() -> None:
    stream = HELLO + sse(answer({"text": "", "thoughtSignature": "c2ln"}))

    [part] = fold(events_of(stream)).parts

    assert (part.kind, getattr(part, "text", None), getattr(part, "provider_data", None)) == ("text", "Hello", SIGNED)


def test_a_finish_reason_in_every_payload_ends_nothing() -> None:
    stream = sse(answer({"text": "Hel"}), answer({"text": "lo"}, usageMetadata={"promptTokenCount": 7}))

    response = fold(events_of(stream))

    assert (response.text, response.usage.input_tokens) == ("Hello", 7)


def test_a_blocked_prompt_is_told_at_the_end() -> None:
    response = fold(events_of(sse({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}})))

    assert (response.parts, response.finish_reason, response.raw_finish_reason) == ((), FinishReason.CONTENT_FILTER, "SAFETY")
    assert response.usage.input_tokens == 4


def test_an_answer_that_is_stopped_midway_says_so() -> None:
    response = fold(events_of(HELLO + sse({"candidates": [{"finishReason": "SAFETY", "finishMessage": "Stopped."}]})))

    assert (response.text, response.finish_reason) == ("Hello", FinishReason.CONTENT_FILTER)
    assert response.metadata == {"google": {"finishMessage": "Stopped."}}


def test_the_decoder_tells_how_far_it_is() -> None:
    decoder = CODEC.stream_decoder(STREAM_CALL, HEAD)

    list(decoder.feed(HELLO + sse(answer({"functionCall": {"name": "f"}}, finish_reason=None))))
    assert (decoder.complete, decoder.finished) == (False, False)
    assert decoder.arrived == "5 characters of text, 0 of reasoning, 1 tool calls"

    list(decoder.feed(END))
    assert (decoder.complete, decoder.finished) == (True, False)

    assert [event.kind for event in decoder.end()] == ["stream_finished"]
    assert (decoder.finished, list(decoder.end())) == (True, [])


@pytest.mark.parametrize("stream", [b"", HELLO, HELLO[:-1], HELLO + END[:-2], sse({"usageMetadata": {}}), HELLO + b"\n{not json"])
def test_a_stream_that_ends_too_early_broke_off(stream: bytes) -> None:
    with pytest.raises(LLMConnectionError, match="broke off") as caught:
        events_of(stream)

    assert caught.value.retryable


ERROR = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize(
    "error",
    [
        sse(ERROR),
        json.dumps(ERROR, indent=2).encode(),
        b"[" + json.dumps(ERROR, indent=2).encode() + b"]\n",
        b"\r\n" + json.dumps(ERROR).encode(),
    ],
    ids=["as an event", "as bare JSON", "in a list", "after another line end"],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_an_error_in_the_stream_is_raised_however_it_is_written_and_cut(error: bytes, size: int) -> None:
    stream = HELLO + error

    with pytest.raises(LLMAPIError, match="overloaded") as caught:
        events_of(*(stream[start : start + size] for start in range(0, len(stream), size)))

    assert (caught.value.status_code, caught.value.retryable) == (503, True)


@pytest.mark.parametrize("data", ["{", "7", "[1]", "data"])
def test_an_event_that_is_no_payload_is_unreadable(data: str) -> None:
    with pytest.raises(LLMResponseParsingError, match="is no JSON"):
        events_of(HELLO + sse(data))
