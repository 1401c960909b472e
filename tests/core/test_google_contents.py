"""How the Google codec writes the messages of a request."""

import json
from typing import Any

import pytest
from pydantic import JsonValue

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.inference import ModelRequest
from polaris_llm.core.parts import (
    ImagePart,
    ModelMessage,
    ProviderData,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    text_message,
)
from polaris_llm.core.providers.google import GoogleCodec
from support.model_requests import a_request

CODEC = GoogleCodec(api_key="AIza-very-secret-key")
PICTURE = ImagePart(media_type="image/png", data="QUJD")


def payload_of(request: ModelRequest) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(CODEC.encode(request).body)
    return payload


def contents_of(*messages: ModelMessage, model: str = "gemini-2.5-flash") -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = payload_of(a_request(messages=messages, model=model))["contents"]
    return contents


def called(call_id: str, **changes: Any) -> ToolCallPart:
    return ToolCallPart(**{"call_id": call_id, "name": "weather", "arguments": {"city": call_id}} | changes)


def answered(call_id: str, content: JsonValue = "grey", **changes: Any) -> ToolResultPart:
    return ToolResultPart(**{"call_id": call_id, "name": "weather", "content": content} | changes)


def test_all_system_messages_become_one_instruction() -> None:
    messages = (
        text_message("system", "Be brief."),
        text_message("user", "Hi"),
        text_message("system", ""),
        text_message("system", "Be kind."),
    )

    payload = payload_of(a_request(messages=messages))

    assert payload["systemInstruction"] == {"role": "user", "parts": [{"text": "Be brief.\n\nBe kind."}]}
    assert payload["contents"] == [{"role": "user", "parts": [{"text": "Hi"}]}]


@pytest.mark.parametrize("messages", [(), (text_message("system", "Be brief."),), (ModelMessage(role="user", parts=()),)])
def test_a_request_without_a_turn_is_refused(messages: tuple[ModelMessage, ...]) -> None:
    with pytest.raises(LLMConfigurationError, match="Gemini needs one of the user"):
        CODEC.encode(a_request(messages=messages))


def test_a_picture_in_a_system_message_is_refused() -> None:
    messages = (ModelMessage(role="system", parts=(PICTURE,)), text_message("user", "Hi"))

    with pytest.raises(LLMConfigurationError, match="move the rest to a user's message"):
        CODEC.encode(a_request(messages=messages))


def test_turns_of_one_role_are_one_turn() -> None:
    assert contents_of(
        text_message("user", "a"),
        text_message("user", "b"),
        ModelMessage(role="assistant", parts=()),
        text_message("user", "c"),
        text_message("assistant", "d"),
        text_message("assistant", "e"),
    ) == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]},
        {"role": "model", "parts": [{"text": "d"}, {"text": "e"}]},
    ]


def test_the_results_of_a_turn_stand_together_before_what_else_is_shown() -> None:
    contents = contents_of(
        text_message("user", "Weather?"),
        ModelMessage(role="assistant", parts=(called("a"), called("b"))),
        ModelMessage(role="tool", parts=(answered("a"), PICTURE)),
        ModelMessage(role="tool", parts=(answered("b"),)),
        text_message("user", "And?"),
    )

    assert [content["role"] for content in contents] == ["user", "model", "user"]
    assert contents[1]["parts"] == [{"functionCall": {"name": "weather", "args": {"city": name}}} for name in ("a", "b")]
    assert contents[2]["parts"] == [
        *[{"functionResponse": {"name": "weather", "response": {"output": "grey"}}}] * 2,
        {"inlineData": {"mimeType": "image/png", "data": "QUJD"}},
        {"text": "And?"},
    ]


def test_a_failed_tool_says_why() -> None:
    failures: tuple[JsonValue, ...] = ("no such city", {"reason": "no such city"}, {"error": "no such city"})
    results = tuple(answered("a", content, is_error=True) for content in failures)

    [content] = contents_of(ModelMessage(role="tool", parts=results))

    assert [part["functionResponse"]["response"] for part in content["parts"]] == [
        {"error": "no such city"},
        {"error": {"reason": "no such city"}},
        {"error": "no such city"},
    ]


def test_a_call_and_its_result_bear_the_wires_own_id() -> None:
    call = called("call_2", provider_data={"google": {"functionCall": {"id": "wire-1"}}})

    contents = contents_of(ModelMessage(role="assistant", parts=(call,)), ModelMessage(role="tool", parts=(answered("call_2", name=""),)))

    assert contents[0]["parts"][0]["functionCall"]["id"] == "wire-1"
    assert contents[1]["parts"][0]["functionResponse"] == {"id": "wire-1", "name": "weather", "response": {"output": "grey"}}


def test_signatures_go_back_with_what_they_sign() -> None:
    signed: ProviderData = {"google": {"thoughtSignature": "c2ln"}}
    parts = (ReasoningPart(text="Hm.", provider_data=signed), TextPart(text="", provider_data=signed), called("a", provider_data=signed))

    [content] = contents_of(ModelMessage(role="assistant", parts=parts))

    assert content["parts"] == [
        {"text": "Hm.", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "", "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "weather", "args": {"city": "a"}}, "thoughtSignature": "c2ln"},
    ]


def test_a_signature_of_another_provider_is_not_sent() -> None:
    part = ReasoningPart(text="Hm.", signature="theirs", provider_data={"anthropic": {"thoughtSignature": "theirs"}})

    assert contents_of(ModelMessage(role="assistant", parts=(part,))) == [{"role": "model", "parts": [{"text": "Hm.", "thought": True}]}]


@pytest.mark.parametrize(
    ("model", "signed"), [("gemini-3-pro", True), ("gemini-flash-latest", True), ("gemini-2.5-pro", False), ("gemma-4", False)]
)
def test_calls_that_no_gemini_made_are_signed_where_a_model_demands_it(model: str, signed: bool) -> None:
    [content] = contents_of(ModelMessage(role="assistant", parts=(called("a"), called("b"))), model=model)

    assert ["thoughtSignature" in part for part in content["parts"]] == [signed, False]


def test_malformed_arguments_go_back_inside_an_object() -> None:
    [content] = contents_of(ModelMessage(role="assistant", parts=(called("a", arguments={}, malformed="[1]"),)))

    assert content["parts"][0]["functionCall"]["args"] == {"malformed": "[1]"}


def test_images_go_by_data_or_by_url() -> None:
    pictures = (
        PICTURE,
        ImagePart(media_type="image/png", url="data:image/png;base64,QUJD"),
        ImagePart(media_type="image/png", url="https://x/y"),
    )

    [content] = contents_of(ModelMessage(role="user", parts=pictures))

    inline = {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}
    assert content["parts"] == [inline, inline, {"fileData": {"mimeType": "image/png", "fileUri": "https://x/y"}}]


def test_an_image_of_nothing_is_refused() -> None:
    with pytest.raises(LLMConfigurationError, match="neither data nor url"):
        contents_of(ModelMessage(role="user", parts=(ImagePart(media_type="image/png"),)))


def test_nulls_inside_of_values_are_kept() -> None:
    [content] = contents_of(ModelMessage(role="assistant", parts=(called("a", arguments={"city": None}),)))

    assert content["parts"][0]["functionCall"]["args"] == {"city": None}


def test_half_a_character_does_not_stop_a_request() -> None:
    assert contents_of(text_message("user", "half \ud83d"))[0]["parts"] == [{"text": "half ?"}]
