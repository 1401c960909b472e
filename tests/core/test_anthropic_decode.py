"""How the Anthropic codec reads whole answers."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from polaris_llm.core.exceptions import LLMIntegrationError, LLMOverloadedError, LLMResponseParsingError
from polaris_llm.core.inference import FinishReason, ModelResponse
from polaris_llm.core.parts import ReasoningPart, TextPart, ToolCallPart
from polaris_llm.core.providers.anthropic import AnthropicCodec
from polaris_llm.core.providers.exchange import HttpReply
from polaris_llm.core.usage import Usage
from support.anthropic_messages import CALL, CODEC, KEY, Wire, message, response_of, text
from support.model_strategies import JSON_VALUES

DATA = Path(__file__).parents[1] / "data" / "anthropic"


def decoded(body: bytes, content_type: str = "application/json") -> ModelResponse:
    return CODEC.decode(CALL, HttpReply(status=200, headers={"content-type": content_type}, body=body, received_at=0.0))


def call(**changes: Any) -> Wire:
    return {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}, **changes}


def test_a_plain_answer_is_read_with_all_that_is_known_of_it() -> None:
    usage: Wire = {"input_tokens": 5, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 300, "output_tokens": 7}
    usage |= {"output_tokens_details": {"thinking_tokens": 4}, "service_tier": "priority"}

    response = response_of(message(usage=usage))

    assert response.parts == (TextPart(text="Hello."),)
    assert (response.response_id, response.model, response.provider) == ("msg_1", "served-model", "anthropic")
    assert (response.finish_reason, response.raw_finish_reason) == (FinishReason.STOP, "end_turn")
    assert response.usage == Usage(
        input_tokens=325, output_tokens=7, cache_read_tokens=300, cache_write_tokens=20, reasoning_tokens=4, raw=usage
    )
    assert response.metadata == {"service_tier": "priority"}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("max_tokens", FinishReason.LENGTH),
        ("tool_use", FinishReason.TOOL_CALLS),
        ("pause_turn", FinishReason.PAUSE),
        ("refusal", FinishReason.REFUSAL),
        ("model_context_window_exceeded", FinishReason.CONTEXT_WINDOW),
        ("something_new", FinishReason.STOP),
        (None, FinishReason.STOP),
    ],
)
def test_a_stop_reason_is_read_and_kept(raw: str | None, reason: FinishReason) -> None:
    response = response_of(message(stop_reason=raw))

    assert (response.finish_reason, response.raw_finish_reason) == (reason, raw)


def test_what_stopped_the_answer_is_kept() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "no"}

    response = response_of(message(stop_reason="refusal", stop_details=details, stop_sequence="END", container={"id": "c_1"}))

    assert response.metadata == {"anthropic": {"stop_sequence": "END", "stop_details": details, "container": {"id": "c_1"}}}


def test_several_calls_of_one_turn_keep_their_order_and_what_belongs_to_them() -> None:
    caller: Wire = {"type": "code_execution_20260120", "tool_id": "srvtoolu_1"}

    response = response_of(message(text("I look."), call(), call(id="toolu_2", caller=caller), stop_reason="tool_use"))

    assert response.parts == (
        TextPart(text="I look."),
        ToolCallPart(call_id="toolu_1", name="weather", arguments={"city": "Oslo"}),
        ToolCallPart(call_id="toolu_2", name="weather", arguments={"city": "Oslo"}, provider_data={"anthropic": {"caller": caller}}),
    )


def test_ids_that_a_server_repeats_are_made_unique() -> None:
    response = response_of(message(call(), call(), call(id=None)))

    assert [part.call_id for part in response.tool_calls] == ["toolu_1", "toolu_1_2", "call"]
    assert response.finish_reason is FinishReason.TOOL_CALLS


@pytest.mark.parametrize(
    ("raw", "arguments", "malformed"),
    [({}, {}, None), (None, {}, None), ('{"a": 1}', {"a": 1}, None), ("{", {}, "{"), ([1], {}, "[1]")],
)
def test_arguments_are_an_object_or_told_as_malformed(raw: Any, arguments: Wire, malformed: str | None) -> None:
    (part,) = response_of(message(call(input=raw))).tool_calls

    assert (part.arguments, part.malformed) == (arguments, malformed)


def test_thoughts_carry_their_signature() -> None:
    blocks = ({"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "secret"})

    parts = response_of(message(*blocks, text())).parts

    assert parts[:2] == (
        ReasoningPart(text="hm", signature="s", provider_data={"anthropic": {"type": "thinking"}}),
        ReasoningPart(text="", provider_data={"anthropic": {"type": "redacted_thinking", "data": "secret"}}),
    )


def test_citations_are_kept_with_their_text() -> None:
    citations: Any = [{"type": "char_location", "cited_text": "grey"}]

    (part,) = response_of(message({**text(), "citations": citations})).parts

    assert part == TextPart(text="Hello.", provider_data={"anthropic": {"citations": citations}})


def test_blocks_that_are_not_known_are_kept_whole() -> None:
    block: Wire = {"type": "something_new", "data": [1, None]}

    assert response_of(message(block)).parts == (ReasoningPart(text="", provider_data={"anthropic": block}),)


def test_the_payload_is_kept_where_it_is_wanted() -> None:
    whole = message()

    assert response_of(whole, AnthropicCodec(keep_raw=True)).metadata["raw_response"] == whole


def test_what_servers_leave_out_is_done_without() -> None:
    response = response_of({"content": [text()]})

    assert (response.text, response.model, response.usage) == ("Hello.", "a-model", Usage())


def test_halves_of_characters_become_question_marks() -> None:
    assert decoded(b'{"content": [{"type": "text", "text": "a\\ud83d"}]}').text == "a?"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "is no JSON"),
        (b"<html>", "is no JSON"),
        (b"[1]", "is no JSON object"),
        (b"{}", "has no content"),
        (b"[" * 100_000, "is no JSON"),
    ],
)
def test_an_answer_that_cannot_be_read_says_why(body: bytes, why: str) -> None:
    with pytest.raises(LLMResponseParsingError, match=why) as raised:
        decoded(body, "text/html")

    assert "text/html" in str(raised.value)


def test_the_key_is_cut_out_of_what_cannot_be_read() -> None:
    with pytest.raises(LLMResponseParsingError) as raised:
        decoded(f"your key is {KEY}".encode())

    assert KEY not in json.dumps(raised.value.to_dict())


def test_an_error_in_disguise_is_an_error() -> None:
    with pytest.raises(LLMOverloadedError, match="too much") as raised:
        response_of({"type": "error", "error": {"type": "overloaded_error", "message": "too much"}})

    assert raised.value.retryable


@given(JSON_VALUES)
def test_whatever_comes_is_an_answer_or_an_error_of_ours(value: Any) -> None:
    for whole in (value, {"content": value}, {"content": [value, {"type": "text", "text": value}, {"type": "tool_use", "input": value}]}):
        with suppress(LLMIntegrationError):
            assert decoded(json.dumps(whole).encode()).provider == "anthropic"


def test_what_a_compaction_took_counts_and_what_it_wrote_is_kept() -> None:
    response = response_of(json.loads((DATA / "compaction.json").read_bytes()))
    summary, said = response.parts

    assert isinstance(summary, ReasoningPart)
    assert summary.provider_data is not None
    assert "those of Monday" in str(summary.provider_data["anthropic"])
    assert said == TextPart(text="High water is at 14:20.")
    assert replace(response.usage, raw={}) == Usage(
        input_tokens=212 + 180 + 600 + 150_000, output_tokens=9 + 41, cache_read_tokens=150_000, cache_write_tokens=600
    )
