"""How the Google codec writes requests."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
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
from polaris_llm.core.tool_schema import ToolSchema
from support.google_requests import REQUESTS, as_sdk_reads
from support.model_requests import WEATHER, a_request

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


def test_a_plain_request_says_no_more_than_it_must() -> None:
    assert payload_of(a_request("Hi")) == {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
        "generationConfig": {"maxOutputTokens": 1000, "temperature": 0.1},
    }


def test_every_setting_has_its_place() -> None:
    request = a_request(
        tools=(WEATHER,),
        tool_choice="weather",
        parallel_tool_calls=True,
        top_p=0.5,
        stop=("END",),
        seed=7,
        reasoning_effort="low",
        service_tier="flex",
        response_schema={"type": "object"},
    )

    payload = payload_of(request)

    assert payload["tools"] == [
        {
            "functionDeclarations": [
                {"name": "weather", "description": "Tells the weather.", "parametersJsonSchema": WEATHER.json_schema()},
            ]
        }
    ]
    assert payload["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}}
    assert payload["serviceTier"] == "flex"
    assert payload["generationConfig"] == {
        "maxOutputTokens": 1000,
        "temperature": 0.1,
        "topP": 0.5,
        "stopSequences": ["END"],
        "seed": 7,
        "thinkingConfig": {"thinkingLevel": "LOW"},
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
    }


@pytest.mark.parametrize(("choice", "mode"), [("auto", None), ("none", "NONE"), ("required", "ANY")])
def test_a_general_tool_choice_is_sent_unless_it_is_the_default(choice: str, mode: str | None) -> None:
    config = payload_of(a_request(tools=(WEATHER,), tool_choice=choice)).get("toolConfig")

    assert config == (None if mode is None else {"functionCallingConfig": {"mode": mode}})


def test_a_tool_choice_without_tools_is_not_sent() -> None:
    assert payload_of(a_request(tool_choice="required", parallel_tool_calls=False)).keys() == {"contents", "generationConfig"}


def test_calls_one_by_one_cannot_be_asked_for() -> None:
    with pytest.raises(LLMConfigurationError, match="parallel_tool_calls"):
        CODEC.encode(a_request(tools=(WEATHER,), parallel_tool_calls=False))


def test_a_tool_without_parameters_has_no_schema() -> None:
    [tool] = payload_of(a_request(tools=(ToolSchema("now", "Tells the time.", {}),)))["tools"]

    assert tool == {"functionDeclarations": [{"name": "now", "description": "Tells the time."}]}


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("models/gemini-2.5-pro", "high", {"thinkingBudget": 24576}),
        ("gemini-3-pro-preview", "high", {"thinkingLevel": "HIGH"}),
        ("gemini-flash-latest", "minimal", {"thinkingLevel": "MINIMAL"}),
    ],
)
def test_older_models_think_by_budget_and_newer_ones_by_level(model: str, effort: str, config: dict[str, Any]) -> None:
    assert payload_of(a_request(model=model, reasoning_effort=effort))["generationConfig"]["thinkingConfig"] == config


def test_an_effort_that_has_no_budget_is_refused() -> None:
    with pytest.raises(LLMConfigurationError, match=r"'gemini-2.5-flash' knows no reasoning_effort 'xhigh'; known: none, minimal"):
        CODEC.encode(a_request(model="gemini-2.5-flash", reasoning_effort="xhigh"))


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


def test_extras_change_what_they_name_and_none_takes_it_away() -> None:
    extras: dict[str, JsonValue] = {
        "google": {
            "cachedContent": "cachedContents/1",
            "generationConfig": {"topK": 5, "temperature": None, "thinkingConfig": {"includeThoughts": True}},
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
            "systemInstruction": None,
            "tools": [{"googleSearch": {}}],
        },
        "openai_chat": {"top_k": 9},
    }
    messages = (text_message("system", "Be brief."), text_message("user", "Hi"))

    payload = payload_of(a_request(messages=messages, tools=(WEATHER,), reasoning_effort="low", extras=extras))

    assert payload["generationConfig"] == {
        "maxOutputTokens": 1000,
        "topK": 5,
        "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True},
    }
    assert [list(tool) for tool in payload["tools"]] == [["functionDeclarations"], ["googleSearch"]]
    assert payload["cachedContent"] == "cachedContents/1"
    assert payload["safetySettings"] == [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    assert "systemInstruction" not in payload


def test_nulls_inside_of_values_are_kept() -> None:
    [content] = contents_of(ModelMessage(role="assistant", parts=(called("a", arguments={"city": None}),)))

    assert content["parts"][0]["functionCall"]["args"] == {"city": None}


@pytest.mark.parametrize("extras", [{"google": {"topK": math.nan}}, {"google": {"topK": {1, 2}}}])
def test_what_json_cannot_carry_is_refused_with_the_models_name(extras: dict[str, JsonValue]) -> None:
    with pytest.raises(LLMConfigurationError, match="'a-model' cannot be written as JSON"):
        CODEC.encode(a_request(extras=extras))


def test_half_a_character_does_not_stop_a_request() -> None:
    assert contents_of(text_message("user", "half \ud83d"))[0]["parts"] == [{"text": "half ?"}]


@given(REQUESTS)
def test_every_request_is_of_the_sdks_types(request: ModelRequest) -> None:
    as_sdk_reads(json.loads(CODEC.encode_stream(request).body))
