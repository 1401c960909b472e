"""How the Anthropic codec writes requests."""

import json
import math
from typing import Any

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.inference import ModelRequest, PromptCache
from polaris_llm.core.parts import ModelMessage, ReasoningPart, TextPart, text_message
from polaris_llm.core.providers.anthropic import AnthropicCodec, messages_url
from support.anthropic_messages import CODEC, KEY
from support.model_requests import WEATHER, a_request


def payload_of(request: ModelRequest, codec: AnthropicCodec = CODEC) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(codec.encode(request).body)
    return payload


def test_a_plain_request_says_no_more_than_it_must() -> None:
    assert payload_of(a_request("Hi")) == {
        "model": "a-model",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "temperature": 0.1,
    }


def test_the_headers_name_the_key_and_the_version_of_the_api() -> None:
    headers = CODEC.encode(a_request()).headers

    assert headers["x-api-key"] == KEY
    assert headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in headers
    assert "anthropic-beta" not in headers


def test_a_server_that_needs_no_key_gets_none() -> None:
    assert "x-api-key" not in AnthropicCodec(base_url="http://localhost:8080").encode(a_request()).headers


def test_a_key_that_no_header_may_hold_is_refused_without_being_told() -> None:
    with pytest.raises(LLMConfigurationError, match="line ends") as raised:
        AnthropicCodec(api_key="sk-ant-secret\n")

    assert "secret" not in str(raised.value)


def test_neither_key_nor_prompt_shows_in_reprs() -> None:
    assert "secret" not in repr(CODEC) + repr(CODEC.encode(a_request("a secret prompt")))


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
        (" https://api.anthropic.com/v1/messages/ ", "https://api.anthropic.com/v1/messages"),
        ("https://example.org/anthropic", "https://example.org/anthropic/v1/messages"),
        ("http://localhost:8080/v1beta", "http://localhost:8080/v1beta/messages"),
    ],
)
def test_an_endpoint_is_understood_as_people_write_it(base_url: str, url: str) -> None:
    assert messages_url(base_url) == url


def test_a_stream_is_asked_for_unpacked() -> None:
    call = CODEC.encode_stream(a_request())

    assert json.loads(call.body)["stream"] is True
    assert (call.headers["accept"], call.headers["accept-encoding"]) == ("text/event-stream", "identity")


def test_tools_have_the_shape_of_this_wire() -> None:
    assert payload_of(a_request(tools=(WEATHER,)))["tools"] == [WEATHER.to_anthropic_format()]


@pytest.mark.parametrize(
    ("choice", "parallel", "sent"),
    [
        ("auto", None, None),
        ("auto", True, None),
        ("auto", False, {"type": "auto", "disable_parallel_tool_use": True}),
        ("none", None, {"type": "none"}),
        ("none", False, {"type": "none"}),
        ("required", None, {"type": "any"}),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        ("weather", True, {"type": "tool", "name": "weather"}),
        ("weather", False, {"type": "tool", "name": "weather", "disable_parallel_tool_use": True}),
    ],
)
def test_a_tool_choice_is_said_in_this_wires_words(choice: str, parallel: bool | None, sent: object) -> None:
    request = a_request(tools=(WEATHER,), tool_choice=choice, parallel_tool_calls=parallel)

    assert payload_of(request).get("tool_choice") == sent


def test_a_tool_choice_without_tools_is_not_sent() -> None:
    assert "tool_choice" not in payload_of(a_request(tool_choice="required", parallel_tool_calls=False))


def test_every_setting_has_its_place() -> None:
    request = a_request(top_p=0.5, stop=("END",), service_tier="auto", max_tokens=7, response_schema={"type": "string"})

    payload = payload_of(request)

    assert [payload[name] for name in ("top_p", "stop_sequences", "service_tier", "max_tokens")] == [0.5, ["END"], "auto", 7]
    assert payload["output_config"] == {"format": {"type": "json_schema", "schema": {"type": "string"}}}


def test_a_schema_that_no_model_can_be_held_to_is_refused() -> None:
    with pytest.raises(LLMConfigurationError, match="leaves values open"):
        CODEC.encode(a_request(response_schema={"type": "object"}))


def test_extras_of_this_wire_overrule_and_none_takes_a_parameter_away() -> None:
    payload = payload_of(a_request(extras={"anthropic": {"top_k": 5, "max_tokens": 9, "temperature": None}, "google": {"topK": 7}}))

    assert (payload["top_k"], payload["max_tokens"]) == (5, 9)
    assert not payload.keys() & {"temperature", "topK", "google"}


@pytest.mark.parametrize("betas", [["one-2026-01-01", "two-2026-01-01"], "one-2026-01-01,two-2026-01-01"])
def test_betas_are_asked_for_in_a_header(betas: Any) -> None:
    call = CODEC.encode(a_request(extras={"anthropic": {"betas": betas}}))

    assert call.headers["anthropic-beta"] == "one-2026-01-01,two-2026-01-01"
    assert "betas" not in json.loads(call.body)


@pytest.mark.parametrize("betas", [5, ["a b"], ["a\r\nx-api-key: b"], [None]])
def test_betas_that_are_no_names_are_refused(betas: Any) -> None:
    with pytest.raises(LLMConfigurationError, match="'betas' is"):
        CODEC.encode(a_request(extras={"anthropic": {"betas": betas}}))


def test_tools_of_the_server_join_ones_own_and_extras_join_their_object() -> None:
    search = {"type": "web_search_20260318", "name": "web_search"}
    request = a_request(
        model="claude-opus-5",
        tools=(WEATHER,),
        reasoning_effort="low",
        extras={"anthropic": {"tools": [search], "output_config": {"effort": "max"}, "thinking": {"display": "summarized"}}},
    )

    payload = payload_of(request)

    assert payload["tools"] == [WEATHER.to_anthropic_format(), search]
    assert payload["output_config"] == {"effort": "max"}
    assert payload["thinking"] == {"type": "adaptive", "display": "summarized"}


def test_an_extra_of_another_type_takes_the_place_of_ours() -> None:
    request = a_request(
        model="claude-haiku-4-5", reasoning_effort="low", max_tokens=2000, extras={"anthropic": {"thinking": {"type": "disabled"}}}
    )

    assert payload_of(request)["thinking"] == {"type": "disabled"}


def test_what_json_cannot_carry_is_refused() -> None:
    with pytest.raises(LLMConfigurationError, match="cannot be written as JSON"):
        CODEC.encode(a_request(extras={"anthropic": {"top_k": math.nan}}))


CACHED = PromptCache(after=("tools", "system", "messages"), ttl="1h")
MARK = {"type": "ephemeral", "ttl": "1h"}


def test_a_kept_beginning_ends_after_the_tools_the_system_prompt_or_the_last_message() -> None:
    said = (text_message("system", "Be kind."), text_message("system", "Be brief."), text_message("user", "a"), text_message("user", "b"))

    payload = payload_of(a_request(messages=said, tools=(WEATHER, WEATHER), prompt_cache=CACHED))

    assert [tool.get("cache_control") for tool in payload["tools"]] == [None, MARK]
    assert [block.get("cache_control") for block in payload["system"]] == [None, MARK]
    assert [block.get("cache_control") for block in payload["messages"][0]["content"]] == [None, MARK]


def test_only_what_is_asked_for_is_kept_and_for_the_providers_own_time() -> None:
    payload = payload_of(a_request(tools=(WEATHER,), prompt_cache=PromptCache(after=("tools",))))

    assert payload["tools"][0]["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in json.dumps(payload["messages"])


def test_a_place_that_is_empty_is_not_kept() -> None:
    assert "cache_control" not in json.dumps(payload_of(a_request(messages=(), prompt_cache=CACHED)))


def test_a_thought_is_never_where_a_kept_beginning_ends() -> None:
    thought = ReasoningPart(text="hm", signature="s", provider_data={"anthropic": {"type": "thinking"}})
    request = a_request(messages=(ModelMessage(role="assistant", parts=(TextPart(text="Yes."), thought)),), prompt_cache=CACHED)

    assert [block.get("cache_control") for block in payload_of(request)["messages"][0]["content"]] == [MARK, None]


def test_marking_changes_no_part() -> None:
    data: dict[str, Any] = {"anthropic": {"type": "redacted_thinking", "data": "x"}}
    server_made: dict[str, Any] = {"anthropic": {"type": "server_tool_use", "id": "a", "name": "web_search", "input": {}}}
    parts = (ReasoningPart(text="", provider_data=data), ReasoningPart(text="", provider_data=server_made))

    payload = payload_of(a_request(messages=(ModelMessage(role="assistant", parts=parts),), prompt_cache=CACHED))

    assert payload["messages"][0]["content"][1]["cache_control"] == MARK
    assert "cache_control" not in json.dumps([data, server_made])
