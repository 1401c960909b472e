"""How the Google codec writes requests."""

import json
import math
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from pydantic import JsonValue

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.inference import ModelRequest
from polaris_llm.core.parts import (
    text_message,
)
from polaris_llm.core.providers.google import GoogleCodec
from polaris_llm.core.tool_schema import ToolSchema
from support import model_strategies
from support.google_requests import REQUESTS, as_sdk_reads
from support.model_requests import WEATHER, a_request

CODEC = GoogleCodec(api_key="AIza-very-secret-key")


def payload_of(request: ModelRequest) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(CODEC.encode(request).body)
    return payload


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


@pytest.mark.parametrize("extras", [{"google": {"topK": math.nan}}, {"google": {"topK": {1, 2}}}])
def test_what_json_cannot_carry_is_refused_with_the_models_name(extras: dict[str, JsonValue]) -> None:
    with pytest.raises(LLMConfigurationError, match="'a-model' cannot be written as JSON"):
        CODEC.encode(a_request(extras=extras))


@given(model_strategies.REQUESTS)
def test_whatever_is_asked_is_written_or_refused_with_the_reason(request: ModelRequest) -> None:
    with suppress(LLMConfigurationError):
        assert payload_of(replace(request, extras={}))["contents"]


@given(REQUESTS)
def test_every_request_is_of_the_sdks_types(request: ModelRequest) -> None:
    as_sdk_reads(json.loads(CODEC.encode_stream(request).body))
