"""How the OpenAI responses codec reads answers, those of careless servers included."""

import json
from typing import Any

import pytest

from polaris_llm.core.exceptions import (
    LLMAPIError,
    LLMBadRequestError,
    LLMContextWindowError,
    LLMRateLimitError,
    LLMResponseParsingError,
    LLMServerError,
)
from polaris_llm.core.inference import FinishReason, ModelResponse
from polaris_llm.core.parts import ModelMessage, ReasoningPart, TextPart, ToolCallPart
from polaris_llm.core.providers.exchange import HttpReply
from polaris_llm.core.providers.openai_responses import OpenAIResponsesCodec
from polaris_llm.core.usage import Usage
from support.model_requests import a_request
from support.responses_streams import (
    CALL,
    CODEC,
    KEY,
    USAGE,
    as_reply,
    decoded,
    message,
    payload,
    refusal,
    thought,
    tool_call,
)

WEB_SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "weather in Bern"}}


def kept(**members: Any) -> dict[str, Any]:
    return {"openai_responses": members}


def test_an_answer_is_read_whole_and_in_order() -> None:
    response = OpenAIResponsesCodec().decode(
        CALL, as_reply(payload(thought("Hm."), message("Hi"), tool_call(), service_tier="flex", model="a-model-2026"))
    )

    head = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
    assert response == ModelResponse(
        model="a-model-2026",
        parts=(
            ReasoningPart(text="Hm.", provider_data=kept(item={"id": "rs_1", "type": "reasoning"}, summary={"type": "summary_text"})),
            TextPart(text="Hi", provider_data=kept(item=head, content={"type": "output_text", "annotations": []})),
            ToolCallPart(call_id="call_1", name="weather", arguments={"city": "Bern"}, provider_data=kept(item={"id": "fc_call_1"})),
        ),
        usage=Usage(
            input_tokens=20,
            output_tokens=9,
            cache_read_tokens=16,
            cache_write_tokens=2,
            reasoning_tokens=5,
            raw=json.loads(json.dumps(USAGE)),
        ),
        finish_reason=FinishReason.TOOL_CALLS,
        raw_finish_reason="completed",
        response_id="resp_1",
        provider="openai",
        metadata={"service_tier": "flex"},
    )


def test_several_texts_of_one_message_are_several_parts() -> None:
    response = decoded(payload(message("One.", "Two.")))

    assert [part.text for part in response.parts if isinstance(part, TextPart)] == ["One.", "Two."]
    assert response.parts[1] == TextPart(text="Two.", provider_data=kept(id="msg_1", content={"type": "output_text", "annotations": []}))


@pytest.mark.parametrize(
    ("changes", "reason", "raw"),
    [
        ({}, FinishReason.STOP, "completed"),
        ({"status": None}, FinishReason.STOP, None),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, FinishReason.LENGTH, "max_output_tokens"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, FinishReason.CONTENT_FILTER, "content_filter"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_messages"}}, FinishReason.LENGTH, "max_messages"),
        ({"status": "incomplete", "incomplete_details": None}, FinishReason.LENGTH, "incomplete"),
        ({"status": "cancelled"}, FinishReason.CANCELLED, "cancelled"),
        ({"status": "queued"}, FinishReason.ERROR, "queued"),
        ({"status": "in_progress"}, FinishReason.ERROR, "in_progress"),
    ],
)
def test_a_status_is_a_finish_reason_and_is_kept(changes: dict[str, Any], reason: FinishReason, raw: str | None) -> None:
    response = decoded(payload(message("Hi"), **changes))

    assert (response.finish_reason, response.raw_finish_reason) == (reason, raw)


@pytest.mark.parametrize(
    ("told", "allowed", "reason"),
    [
        ({}, 9, FinishReason.LENGTH),
        ({}, 10, FinishReason.STOP),
        ({"incomplete_details": None}, 9, FinishReason.STOP),
    ],
)
def test_a_server_that_never_tells_of_a_cut_is_judged_by_its_count(told: dict[str, Any], allowed: int, reason: FinishReason) -> None:
    for request in (a_request(max_tokens=allowed), a_request(extras={"openai_responses": {"max_output_tokens": allowed}})):
        response = CODEC.decode(CODEC.encode(request), as_reply({**payload(message("Hi")), **told}))

        assert response.finish_reason is reason


def test_a_call_that_was_cut_off_is_no_finished_turn() -> None:
    cut_off = payload(tool_call(arguments='{"city": "Be'), status="incomplete", incomplete_details={"reason": "max_output_tokens"})

    response = decoded(cut_off)

    assert response.finish_reason is FinishReason.LENGTH
    assert response.tool_calls[0].malformed == '{"city": "Be'


def test_a_refusal_is_text_and_a_reason_and_goes_back_as_a_refusal() -> None:
    response = decoded(payload(refusal("I must not.")))

    sent = json.loads(CODEC.encode(a_request(messages=(response.as_message(),))).body)["input"]

    assert (response.text, response.finish_reason) == ("I must not.", FinishReason.REFUSAL)
    assert sent == [refusal("I must not.")]


def test_encrypted_reasoning_goes_back_once_however_many_summaries_there_are() -> None:
    item = thought("First.", "Second.", encrypted_content="gAAAA", status="completed")
    response = decoded(payload(item, tool_call()))

    sent = json.loads(CODEC.encode(a_request(messages=(response.as_message(),))).body)["input"]

    assert sent == [item, tool_call()]
    assert str(response.parts).count("gAAAA") == 1


def test_reasoning_without_a_word_is_kept_for_the_next_turn() -> None:
    item = thought(encrypted_content="gAAAA")

    response = decoded(payload(item, message("Hi")))

    assert response.parts[0] == ReasoningPart(
        text="", provider_data=kept(item={"id": "rs_1", "type": "reasoning", "encrypted_content": "gAAAA"})
    )


def test_items_of_built_in_tools_go_back_in_their_place() -> None:
    items = (thought("Hm."), WEB_SEARCH, message("Grey."))
    response = decoded(payload(*items))

    sent = json.loads(CODEC.encode(a_request(messages=(response.as_message(),))).body)["input"]

    assert response.text == "Grey."
    assert sent == list(items)


def test_repeated_ids_become_unique_in_the_conversation() -> None:
    earlier = ModelMessage(role="assistant", parts=(ToolCallPart(call_id="a", name="f", arguments={}),))
    call = CODEC.encode(a_request(messages=(earlier,)))

    response = CODEC.decode(call, as_reply(payload(tool_call("a"), tool_call("a"))))

    assert [part.call_id for part in response.tool_calls] == ["a_2", "a_3"]


def test_the_payload_is_kept_when_asked_for() -> None:
    whole = payload(message("Hi"))

    assert decoded(whole).metadata["raw_response"] == whole
    assert "raw_response" not in OpenAIResponsesCodec().decode(CALL, as_reply(whole)).metadata


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        ("server_error", LLMServerError, True),
        ("rate_limit_exceeded", LLMRateLimitError, True),
        ("context_length_exceeded", LLMContextWindowError, False),
        ("invalid_prompt", LLMBadRequestError, False),
        ("image_parse_error", LLMBadRequestError, False),
        ("something new", LLMAPIError, False),
    ],
)
def test_a_failed_response_is_an_error_by_its_code(code: str, kind: type[LLMAPIError], retryable: bool) -> None:
    failed = {**payload(status="failed"), "error": {"code": code, "message": "it broke"}}

    with pytest.raises(LLMAPIError, match="answered with an error for model 'a-model': it broke") as caught:
        decoded(failed)

    assert type(caught.value) is kind
    assert (caught.value.retryable, caught.value.context["provider_code"]) == (retryable, code)
    assert caught.value.context["provider_request_id"] == "req_1"


@pytest.mark.parametrize("wire", [{"error": "model not found"}, {"status": "failed", "error": {"message": "model not found"}}])
def test_an_error_in_a_reply_of_status_200_is_an_error(wire: dict[str, Any]) -> None:
    with pytest.raises(LLMAPIError, match="model not found"):
        decoded(wire)


@pytest.mark.parametrize("wire", [{}, {"output": None}, {"choices": []}])
def test_an_answer_without_output_is_unreadable(wire: dict[str, Any]) -> None:
    with pytest.raises(LLMResponseParsingError, match="has no output"):
        decoded(wire)


def test_an_unreadable_answer_is_quoted_without_the_key() -> None:
    reply = HttpReply(status=200, headers={}, body=f"<p>Bearer {KEY}</p>".encode(), received_at=0.0)

    with pytest.raises(LLMResponseParsingError, match="is no JSON") as caught:
        CODEC.decode(CALL, reply)

    assert caught.value.context["response_content"] == "<p>Bearer ***</p>"
    assert caught.value.context["expected_format"] == "an OpenAI response"
