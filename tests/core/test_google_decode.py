"""How the Google codec reads answers."""

import json
from typing import Any

import pytest
from google.genai import types
from pydantic import JsonValue

from polaris_llm.core.exceptions import LLMAPIError, LLMIntegrationError, LLMResponseParsingError
from polaris_llm.core.inference import FinishReason, ModelResponse
from polaris_llm.core.parts import ModelMessage, ReasoningPart, TextPart, ToolCallPart
from polaris_llm.core.providers.exchange import HttpReply
from polaris_llm.core.providers.google import GoogleCodec
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.usage import Usage
from polaris_llm.core.verdicts import Refused, verdict_on
from support.google_answers import CALL, CODEC, answer, decoded
from support.model_requests import a_request


def calls(*wires: dict[str, Any]) -> list[dict[str, Any]]:
    """Parts that call tools."""
    return [{"functionCall": wire} for wire in wires]


def test_an_answer_is_read_whole() -> None:
    usage: dict[str, JsonValue] = {
        "promptTokenCount": 20,
        "cachedContentTokenCount": 16,
        "candidatesTokenCount": 9,
        "thoughtsTokenCount": 5,
        "toolUsePromptTokenCount": 3,
        "totalTokenCount": 37,
    }

    response = decoded(answer({"text": "Hm.", "thought": True}, {"text": "Hi"}, usageMetadata=usage))

    assert response == ModelResponse(
        model="gemini-served",
        parts=(ReasoningPart(text="Hm."), TextPart(text="Hi")),
        usage=Usage(input_tokens=23, output_tokens=14, cache_read_tokens=16, reasoning_tokens=5, raw=usage),
        raw_finish_reason="STOP",
        response_id="response-1",
        provider="google",
    )
    assert response.usage.total_tokens == usage["totalTokenCount"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("STOP", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("SAFETY", FinishReason.CONTENT_FILTER),
        ("RECITATION", FinishReason.CONTENT_FILTER),
        ("PROHIBITED_CONTENT", FinishReason.CONTENT_FILTER),
        ("MALFORMED_FUNCTION_CALL", FinishReason.ERROR),
        ("UNEXPECTED_TOOL_CALL", FinishReason.ERROR),
        ("OTHER", FinishReason.ERROR),
        ("SOMETHING_NEW", FinishReason.ERROR),
        ("CONTINUATION", FinishReason.PAUSE),
        (None, FinishReason.STOP),
    ],
)
def test_a_finish_reason_is_normalised_and_kept(raw: str | None, reason: FinishReason) -> None:
    response = decoded(answer({"text": "Hi"}, finish_reason=raw))

    assert (response.finish_reason, response.raw_finish_reason) == (reason, raw)


@pytest.mark.parametrize("reason", [reason for reason in types.FinishReason if "STOP" not in reason and "UNSPECIFIED" not in reason])
def test_only_the_models_own_stop_is_success(reason: types.FinishReason) -> None:
    assert decoded(answer(finish_reason=reason.value)).finish_reason is not FinishReason.STOP


def test_tool_calls_are_the_reason_when_the_wire_says_stop() -> None:
    assert decoded(answer(*calls({"name": "f", "args": {}}))).finish_reason is FinishReason.TOOL_CALLS


def test_calls_without_ids_and_with_repeated_ones_become_unique_and_stay_the_same() -> None:
    parts = calls(*({"name": "f"} | ({"id": name} if name else {}) for name in (None, None, "a", "a", "")))

    first, second = (decoded(answer(*parts)).tool_calls for _ in range(2))

    assert [call.call_id for call in first] == ["call", "call_2", "a", "a_2", "call_3"]
    assert first == second


def test_an_id_of_an_earlier_turn_is_not_used_again() -> None:
    earlier = ModelMessage(role="assistant", parts=(ToolCallPart(call_id="call", name="f", arguments={}),))
    call = CODEC.encode(a_request(messages=(earlier,)))
    body = b'{"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}}]}'

    [part] = CODEC.decode(call, HttpReply(status=200, headers={}, body=body, received_at=0.0)).tool_calls

    assert part.call_id == "call_2"


def test_the_wires_own_id_and_signature_are_remembered() -> None:
    [part] = decoded(answer({"functionCall": {"id": "wire-1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"})).parts

    assert part == ToolCallPart(
        call_id="wire-1",
        name="f",
        arguments={"a": 1},
        provider_data={"google": {"thoughtSignature": "c2ln", "functionCall": {"id": "wire-1"}}},
    )


@pytest.mark.parametrize(("args", "arguments", "malformed"), [(None, {}, None), ({"a": 1}, {"a": 1}, None), ([1], {}, "[1]")])
def test_arguments_are_an_object_or_kept_as_malformed(args: object, arguments: dict[str, Any], malformed: str | None) -> None:
    [call] = decoded(answer(*calls({"name": "f", "args": args}))).tool_calls

    assert (call.arguments, call.malformed) == (arguments, malformed)


def test_what_ends_a_part_stays_with_it() -> None:
    parts = decoded(answer({"text": "a"}, {"text": "b", "thoughtSignature": "c2ln"}, {"text": ""}, {"text": "c"})).parts

    assert parts == (TextPart(text="ab", provider_data={"google": {"thoughtSignature": "c2ln"}}), TextPart(text="c"))


def test_parts_that_say_nothing_are_none() -> None:
    assert decoded(answer({}, {"text": ""}, {"text": "", "thought": True}, {"text": "", "thoughtSignature": None})).parts == ()


def test_a_part_that_no_part_of_ours_can_say_goes_back_as_it_came() -> None:
    image: dict[str, JsonValue] = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}, "thoughtSignature": "c2ln"}

    [part] = decoded(answer(image)).parts

    assert part == TextPart(text="", provider_data={"google": {"part": image}})


@pytest.mark.parametrize("candidates", [None, []])
def test_a_blocked_prompt_is_no_empty_success(candidates: list[Any] | None) -> None:
    feedback = {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH"}]}

    response = decoded(answer(candidates=candidates, promptFeedback=feedback))

    assert (response.finish_reason, response.raw_finish_reason) == (FinishReason.CONTENT_FILTER, "PROHIBITED_CONTENT")
    assert response.metadata == {"google": {"promptFeedback": feedback}}
    assert isinstance(verdict_on(response, RunSpec(model="a-model", objective="Answer.")), Refused)


def test_what_else_a_candidate_tells_is_kept_as_metadata() -> None:
    payload = answer({"text": "Hi"})
    payload["candidates"][0]["groundingMetadata"] = {"webSearchQueries": ["x"]}
    payload["modelStatus"] = {"modelStage": "STABLE"}

    facts = {"groundingMetadata": {"webSearchQueries": ["x"]}, "modelStatus": {"modelStage": "STABLE"}}
    assert decoded(payload).metadata == {"google": facts}


@pytest.mark.parametrize(
    ("usage", "headers", "told"),
    [
        ({"serviceTier": "flex"}, {"x-gemini-service-tier": "priority"}, {"service_tier": "flex"}),
        ({}, {"x-gemini-service-tier": "Priority"}, {"service_tier": "priority"}),
        ({}, {"x-gemini-service-tier": "paid"}, {}),
        ({}, {}, {}),
    ],
    ids=["the usage", "a header", "a gateway", "nobody"],
)
def test_the_service_tier_is_told_by(usage: dict[str, Any], headers: dict[str, str], told: dict[str, str]) -> None:
    body = json.dumps(answer({"text": "Hi"}, usageMetadata={"promptTokenCount": 1, **usage})).encode()

    assert CODEC.decode(CALL, HttpReply(status=200, headers=headers, body=body, received_at=0.0)).metadata == told


def test_the_payload_is_kept_when_asked_for() -> None:
    payload = answer({"text": "Hi"})

    assert decoded(payload, GoogleCodec(keep_raw=True)).metadata == {"raw_response": payload}


def test_an_answer_may_leave_out_what_it_can() -> None:
    response = decoded({"candidates": [{}]})

    assert (response.parts, response.usage, response.model) == ((), Usage(), "a-model")
    assert (response.finish_reason, response.raw_finish_reason) == (FinishReason.STOP, None)


@pytest.mark.parametrize("payload", [{}, [], {"candidates": []}, {"candidates": [{"index": 1}]}, {"usageMetadata": {}}])
def test_an_answer_without_a_candidate_is_unreadable(payload: object) -> None:
    with pytest.raises(LLMResponseParsingError, match="has no candidates"):
        decoded(payload)


def test_an_error_in_a_reply_of_status_200_is_an_error() -> None:
    with pytest.raises(LLMAPIError, match="overloaded") as caught:
        decoded([answer({"text": "Hi"}), {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}])

    assert (caught.value.status_code, caught.value.retryable) == (503, True)


@pytest.mark.parametrize("body", [b"", b"{", b"<p>AIza-very-secret-key</p>", b"[" * 100_000, b"7"])
def test_an_unreadable_answer_is_a_typed_error_without_the_key(body: bytes) -> None:
    with pytest.raises(LLMIntegrationError) as caught:
        CODEC.decode(CALL, HttpReply(status=200, headers={}, body=body, received_at=0.0))

    assert "secret" not in f"{caught.value!r} {caught.value.to_dict()}"
    assert caught.value.context["expected_format"] == "a Gemini GenerateContentResponse"
