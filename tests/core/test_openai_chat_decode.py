"""How the OpenAI chat codec reads answers, those of careless servers included."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from polaris_llm.core.canonical import MAX_DEPTH, canonical_json
from polaris_llm.core.exceptions import LLMAPIError, LLMIntegrationError, LLMResponseParsingError
from polaris_llm.core.inference import MODEL_RESPONSE, FinishReason, ModelRequest, ModelResponse
from polaris_llm.core.parts import ModelMessage, ReasoningPart, TextPart, ToolCallPart
from polaris_llm.core.providers.exchange import HttpReply
from polaris_llm.core.providers.openai_chat import OpenAIChatCodec
from polaris_llm.core.usage import Usage
from support.model_requests import a_request
from support.model_strategies import JSON_VALUES
from support.nesting import nested

DATA = Path(__file__).parents[1] / "data" / "openai_chat"
CODEC = OpenAIChatCodec(provider="local", base_url="http://localhost:8080", api_key="sk-very-secret-key")


def decode(body: bytes, request: ModelRequest | None = None, codec: OpenAIChatCodec = CODEC) -> ModelResponse:
    reply = HttpReply(status=200, headers={"content-type": "application/json"}, body=body, received_at=0.0)
    return codec.decode(codec.encode(request or a_request()), reply)


def answer(message: dict[str, Any], finish_reason: str | None = "stop", **rest: Any) -> ModelResponse:
    payload = {"choices": [{"message": message, "finish_reason": finish_reason}], **rest}
    return decode(json.dumps(payload).encode())


def called(*calls: dict[str, Any], request: ModelRequest | None = None) -> tuple[ToolCallPart, ...]:
    return decode(json.dumps({"choices": [{"message": {"tool_calls": calls}}]}).encode(), request).tool_calls


def test_an_answer_is_read_whole() -> None:
    usage: dict[str, JsonValue] = {
        "prompt_tokens": 20,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 16},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }

    response = answer({"content": "Hi"}, id="chatcmpl-1", model="a-model-2026", usage=usage)

    assert response == ModelResponse(
        model="a-model-2026",
        parts=(TextPart(text="Hi"),),
        usage=Usage(input_tokens=20, output_tokens=9, cache_read_tokens=16, reasoning_tokens=5, raw=usage),
        raw_finish_reason="stop",
        response_id="chatcmpl-1",
        provider="local",
    )


def test_what_a_text_cites_and_how_probable_it_was_stays_with_it() -> None:
    (part,) = decode((DATA / "citations.json").read_bytes()).parts

    assert isinstance(part, TextPart)
    assert part.provider_data is not None
    kept: Any = part.provider_data["openai_chat"]
    assert [note["url_citation"]["title"] for note in kept["annotations"]] == ["Tides of Bergen", "Wind of Bergen"]
    assert "".join(token["token"] for token in kept["logprobs"]["content"]) == part.text


@pytest.mark.parametrize("details", [{}, {"completion_tokens_details": {"reasoning_tokens": 62}}])
def test_reasoning_that_a_server_counts_beside_the_completion_is_output_too(details: dict[str, JsonValue]) -> None:
    usage = answer({"content": "Hi"}, usage={"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109, **details}).usage

    assert (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens, usage.total_tokens) == (35, 74, 62, 109)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("stop", FinishReason.STOP),
        ("LENGTH", FinishReason.LENGTH),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("abort", FinishReason.CANCELLED),
        ("something new", FinishReason.STOP),
        (None, FinishReason.STOP),
    ],
)
def test_a_finish_reason_is_normalised_and_kept(raw: str | None, reason: FinishReason) -> None:
    response = answer({"content": "Hi"}, raw)

    assert (response.finish_reason, response.raw_finish_reason) == (reason, raw)


def test_tool_calls_are_the_reason_even_when_a_server_says_stop() -> None:
    assert answer({"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]}).finish_reason is FinishReason.TOOL_CALLS


def test_a_refusal_is_text_and_a_reason() -> None:
    response = answer({"content": None, "refusal": "I must not."})

    assert (response.text, response.finish_reason) == ("I must not.", FinishReason.REFUSAL)


@pytest.mark.parametrize(
    ("content", "text"),
    [(None, ""), ("", ""), ("Hi", "Hi"), ([{"type": "text", "text": "Hi"}, {"text": " you"}, {"type": "other"}], "Hi you"), (7, "")],
)
def test_content_of_any_shape_is_text(content: object, text: str) -> None:
    assert answer({"content": content}).text == text


@pytest.mark.parametrize(
    ("raw", "arguments", "malformed"),
    [
        ('{"a": 1}', {"a": 1}, None),
        ({"a": 1}, {"a": 1}, None),
        ("", {}, None),
        (None, {}, None),
        ('{"a": ', {}, '{"a": '),
        ("[1]", {}, "[1]"),
        ([1], {}, "[1]"),
        ("[" * 100_000, {}, "[" * 100_000),
        (json.dumps(nested(MAX_DEPTH)), nested(MAX_DEPTH), None),
        (json.dumps(nested(MAX_DEPTH + 1)), {}, json.dumps(nested(MAX_DEPTH + 1))),
        (nested(MAX_DEPTH + 1), {}, json.dumps(nested(MAX_DEPTH + 1))),
        ('{"a": NaN, "b": 1e999}', {"a": None, "b": None}, None),
        ('{"a": "half \\ud83d"}', {"a": "half ?"}, None),
    ],
)
def test_arguments_are_an_object_or_kept_as_malformed(raw: object, arguments: dict[str, Any], malformed: str | None) -> None:
    (call,) = called({"id": "a", "function": {"name": "f", "arguments": raw}})

    assert (call.arguments, call.malformed) == (arguments, malformed)


def test_missing_and_repeated_ids_become_unique_and_stay_the_same() -> None:
    calls = [{"id": identity, "function": {"name": "f"}} for identity in ("a", "a", "", None, "b")]

    first, second = (called(*calls) for _ in range(2))

    assert [call.call_id for call in first] == ["a", "a_2", "call", "call_2", "b"]
    assert first == second


def test_an_id_of_an_earlier_turn_is_not_used_again() -> None:
    earlier = ModelMessage(role="assistant", parts=(ToolCallPart(call_id="call_0", name="f", arguments={}),))

    (call,) = called({"id": "call_0", "function": {"name": "f"}}, request=a_request(messages=(earlier,)))

    assert call.call_id == "call_0_2"


def test_the_old_form_of_a_call_is_understood() -> None:
    response = answer({"content": None, "function_call": {"name": "f", "arguments": '{"a": 1}'}}, "function_call")

    assert response.tool_calls == (ToolCallPart(call_id="call", name="f", arguments={"a": 1}),)


def test_what_a_server_attached_to_a_call_goes_back_with_it() -> None:
    extra = {"extra_content": {"google": {"thought_signature": "abc"}}}
    response = answer({"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}, **extra}]})

    sent = json.loads(CODEC.encode(a_request(messages=(response.as_message(),))).body)["messages"][0]["tool_calls"][0]

    assert sent == {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}, **extra}


@pytest.mark.parametrize(
    "thought",
    [{"reasoning_content": "Hm."}, {"reasoning": "Hm."}, {"reasoning": "Hm.", "reasoning_details": [{"signature": "abc"}]}],
)
def test_reasoning_goes_back_as_it_came(thought: dict[str, Any]) -> None:
    response = answer({"content": "Yes.", **thought})

    sent = json.loads(CODEC.encode(a_request(messages=(response.as_message(),))).body)["messages"][0]

    assert isinstance(response.parts[0], ReasoningPart)
    assert response.text == "Yes."
    assert sent == {"role": "assistant", "content": "Yes.", **thought}


def test_the_payload_is_kept_when_asked_for() -> None:
    keeping = OpenAIChatCodec(provider="local", base_url="http://localhost:8080", keep_raw=True)

    response = decode(b'{"choices": [{"message": {"content": "Hi"}, "logprobs": [-Infinity]}]}', codec=keeping)

    assert response.metadata == {"raw_response": {"choices": [{"message": {"content": "Hi"}, "logprobs": [None]}]}}


@pytest.mark.parametrize(
    ("payload", "status", "retryable"),
    [({"error": {"message": "upstream died", "code": 502}}, 502, True), ({"error": "model not found"}, 200, False)],
)
def test_an_error_in_a_reply_of_status_200_is_an_error(payload: dict[str, Any], status: int, retryable: bool) -> None:
    with pytest.raises(LLMAPIError, match=r"upstream died|model not found") as caught:
        decode(json.dumps(payload).encode())

    assert (caught.value.status_code, caught.value.retryable) == (status, retryable)


def test_an_unreadable_answer_is_quoted_without_the_key() -> None:
    with pytest.raises(LLMResponseParsingError, match="is no JSON") as caught:
        decode(b"<p>Bearer sk-very-secret-key</p>")

    assert caught.value.context["response_content"] == "<p>Bearer ***</p>"
    assert caught.value.context["expected_format"] == "an OpenAI chat completion"


ODD_MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "content": JSON_VALUES,
        "refusal": JSON_VALUES,
        "reasoning": JSON_VALUES,
        "tool_calls": JSON_VALUES
        | st.lists(st.fixed_dictionaries({}, optional={"id": JSON_VALUES, "function": JSON_VALUES, "name": JSON_VALUES}), max_size=2),
        "function_call": JSON_VALUES,
    },
)
ODD_CHOICES = st.fixed_dictionaries({}, optional={"message": JSON_VALUES | ODD_MESSAGES, "finish_reason": JSON_VALUES, "text": JSON_VALUES})
ODD_USAGE = st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens", "prompt_tokens_details"]), JSON_VALUES)
ODD_PAYLOADS = JSON_VALUES | st.fixed_dictionaries(
    {"choices": JSON_VALUES | st.lists(JSON_VALUES | ODD_CHOICES, max_size=2)},
    optional={"usage": JSON_VALUES | ODD_USAGE, "model": JSON_VALUES, "id": JSON_VALUES, "error": JSON_VALUES},
)


@given(ODD_PAYLOADS)
def test_whatever_a_server_says_is_an_answer_or_a_typed_error(payload: object) -> None:
    try:
        response = decode(json.dumps(payload).encode())
    except LLMIntegrationError:
        return

    canonical_json(MODEL_RESPONSE.dump_python(response, mode="json"))
    assert MODEL_RESPONSE.validate_json(MODEL_RESPONSE.dump_json(response)) == response


@given(st.binary(max_size=60))
def test_whatever_bytes_a_server_sends_are_an_answer_or_a_typed_error(body: bytes) -> None:
    with pytest.raises(LLMIntegrationError):
        decode(body)


def test_a_call_of_a_tool_that_takes_free_text_goes_back_as_it_came() -> None:
    wire = {"id": "c", "type": "custom", "custom": {"name": "shell", "input": "ls -l"}}

    (part,) = answer({"content": None, "tool_calls": [wire]}).tool_calls

    assert (part.name, part.malformed) == ("shell", "ls -l")
    message = ModelMessage(role="assistant", parts=(part,))
    assert json.loads(CODEC.encode(a_request(messages=(message,))).body)["messages"][0]["tool_calls"] == [wire]
