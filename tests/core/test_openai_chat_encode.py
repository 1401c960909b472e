"""How the OpenAI chat codec writes requests."""

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from pydantic import JsonValue

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.inference import ModelRequest, PromptCache
from polaris_llm.core.parts import (
    ImagePart,
    ModelMessage,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    text_message,
)
from polaris_llm.core.providers.openai_chat import OpenAIChatCodec, completions_url
from support.model_requests import WEATHER, a_request
from support.model_strategies import REQUESTS

LOCAL = OpenAIChatCodec(provider="local", base_url="http://localhost:8080")
OFFICIAL = OpenAIChatCodec(api_key="sk-very-secret-key")


def payload_of(request: ModelRequest, codec: OpenAIChatCodec = LOCAL) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(codec.encode(request).body)
    return payload


def wire_of(*messages: ModelMessage, codec: OpenAIChatCodec = LOCAL) -> list[dict[str, Any]]:
    wire: list[dict[str, Any]] = payload_of(a_request(messages=messages), codec)["messages"]
    return wire


def test_a_plain_request_says_no_more_than_it_must() -> None:
    assert payload_of(a_request("Hi")) == {
        "model": "a-model",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 1000,
        "temperature": 0.1,
    }


def test_every_setting_has_its_place() -> None:
    request = a_request(
        tools=(WEATHER,),
        tool_choice="weather",
        parallel_tool_calls=False,
        top_p=0.5,
        stop=("END",),
        seed=7,
        reasoning_effort="low",
        service_tier="flex",
        prompt_cache=PromptCache(key="farm"),
        response_schema={"type": "object"},
        extras={"openai_chat": {"top_k": 5}, "anthropic": {"top_k": 6}},
    )

    payload = payload_of(request)

    assert payload["tools"] == [WEATHER.to_openai_format()]
    assert payload["tool_choice"] == {"type": "function", "function": {"name": "weather"}}
    assert payload["response_format"]["json_schema"] == {"name": "answer", "schema": {"type": "object"}, "strict": False}
    assert {name: payload[name] for name in payload if name not in ("model", "messages", "tools", "tool_choice", "response_format")} == {
        "max_tokens": 1000,
        "temperature": 0.1,
        "parallel_tool_calls": False,
        "top_p": 0.5,
        "stop": ["END"],
        "seed": 7,
        "reasoning_effort": "low",
        "service_tier": "flex",
        "prompt_cache_key": "farm",
        "top_k": 5,
    }


@pytest.mark.parametrize(("choice", "sent"), [("auto", None), ("none", "none"), ("required", "required")])
def test_a_general_tool_choice_is_sent_unless_it_is_the_default(choice: str, sent: str | None) -> None:
    assert payload_of(a_request(tools=(WEATHER,), tool_choice=choice)).get("tool_choice") == sent


def test_a_tool_choice_without_tools_is_not_sent() -> None:
    assert "tool_choice" not in payload_of(a_request(tool_choice="required", parallel_tool_calls=True))


def test_an_extra_overrules_a_parameter_and_an_extra_of_none_takes_it_away() -> None:
    payload = payload_of(a_request(extras={"openai_chat": {"max_tokens": 5, "temperature": None}}))

    assert payload["max_tokens"] == 5
    assert "temperature" not in payload


def test_extras_that_are_not_sorted_by_wire_are_refused_with_how_to_write_them() -> None:
    with pytest.raises(LLMConfigurationError, match=re.escape('\'top_k\' stands outside of one: write {"openai_chat": {"top_k": 5}}')):
        LOCAL.encode(a_request(extras={"top_k": 5}))
    with pytest.raises(LLMConfigurationError, match=re.escape('write {"openai_chat": {"session_token": "..."}}')):
        LOCAL.encode(a_request(extras={"session_token": "secret"}))


def test_openai_itself_gets_its_new_name_for_the_limit() -> None:
    payload = payload_of(a_request(max_tokens=7), OFFICIAL)

    assert payload["max_completion_tokens"] == 7
    assert "max_tokens" not in payload


@pytest.mark.parametrize(
    ("model", "changes", "sent"),
    [
        ("gpt-5.6-terra", {}, None),
        ("o4-mini", {}, None),
        ("ft:o4-mini-2025-04-16:acme::x", {}, None),
        ("gpt-5.6-terra", {"temperature": 0.7}, 0.7),
        ("gpt-5.6-terra", {"reasoning_effort": "none"}, 0.1),
        ("gpt-5-chat-latest", {}, 0.1),
        ("gpt-4o", {}, 0.1),
        ("my-deployment", {}, 0.1),
    ],
)
def test_a_temperature_that_nobody_asked_for_is_left_out_where_openais_model_would_refuse_it(
    model: str, changes: dict[str, Any], sent: float | None
) -> None:
    assert payload_of(a_request(model=model, **changes), OFFICIAL).get("temperature") == sent
    assert payload_of(a_request(model=model, **changes), LOCAL)["temperature"] == changes.get("temperature", 0.1)


def test_an_assistants_tool_calls_and_their_results_are_sent_one_by_one() -> None:
    calls = tuple(ToolCallPart(call_id=name, name="weather", arguments={"city": name}) for name in ("a", "b"))
    results = tuple(ToolResultPart(call_id=name, name="weather", content={"sky": "grey"}) for name in ("a", "b"))

    wire = wire_of(ModelMessage(role="assistant", parts=calls), ModelMessage(role="tool", parts=results))

    assert wire[0]["content"] is None
    assert [call["id"] for call in wire[0]["tool_calls"]] == ["a", "b"]
    assert json.loads(wire[0]["tool_calls"][1]["function"]["arguments"]) == {"city": "b"}
    assert wire[1:] == [{"role": "tool", "tool_call_id": name, "content": '{"sky": "grey"}'} for name in ("a", "b")]


def test_images_go_as_blocks_by_data_or_by_url() -> None:
    parts = (TextPart(text="See:"), ImagePart(media_type="image/png", data="QUJD"), ImagePart(media_type="image/png", url="https://x/y"))

    assert wire_of(ModelMessage(role="user", parts=parts))[0]["content"] == [
        {"type": "text", "text": "See:"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
        {"type": "image_url", "image_url": {"url": "https://x/y"}},
    ]


def test_what_a_tool_shows_follows_the_last_result_of_its_turn() -> None:
    image = ImagePart(media_type="image/png", data="QUJD")
    first = ModelMessage(role="tool", parts=(ToolResultPart(call_id="a", name="plot", content="done"), image))
    second = ModelMessage(role="tool", parts=(ToolResultPart(call_id="b", name="plot", content="done"),))

    wire = wire_of(first, second, text_message("assistant", "I see."))

    assert [message["role"] for message in wire] == ["tool", "tool", "user", "assistant"]


def test_a_failed_tool_says_so() -> None:
    failures: tuple[JsonValue, ...] = ("no such city", {"reason": "no such city"}, {"error": "no such city"})
    parts = tuple(ToolResultPart(call_id="a", name="weather", content=content, is_error=True) for content in failures)

    contents = [json.loads(message["content"]) for message in wire_of(ModelMessage(role="tool", parts=parts))]

    assert contents == [{"error": "no such city"}, {"error": {"reason": "no such city"}}, {"error": "no such city"}]


def test_malformed_arguments_go_back_as_valid_json() -> None:
    part = ToolCallPart(call_id="a", name="weather", arguments={}, malformed='{"city": "Os')

    arguments = wire_of(ModelMessage(role="assistant", parts=(part,)))[0]["tool_calls"][0]["function"]["arguments"]

    assert json.loads(arguments) == {"malformed": '{"city": "Os'}


def test_reasoning_goes_back_to_compatible_servers_and_not_to_openai() -> None:
    message = ModelMessage(role="assistant", parts=(ReasoningPart(text="Hm."), TextPart(text="Yes.")))

    assert wire_of(message) == [{"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}]
    assert wire_of(message, codec=OFFICIAL) == [{"role": "assistant", "content": "Yes."}]


def test_a_message_without_parts_keeps_its_turn() -> None:
    assert wire_of(ModelMessage(role="assistant", parts=())) == [{"role": "assistant", "content": ""}]


def test_half_a_character_does_not_stop_a_request() -> None:
    assert wire_of(text_message("user", "half \ud83d"))[0]["content"] == "half ?"


def test_what_json_cannot_carry_is_refused_with_the_models_name() -> None:
    with pytest.raises(LLMConfigurationError, match="'a-model' cannot be written as JSON"):
        LOCAL.encode(a_request(extras={"openai_chat": {"top_k": math.nan}}))


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.openai.com", "https://api.openai.com/v1/chat/completions"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
        ("http://localhost:11434/", "http://localhost:11434/v1/chat/completions"),
        ("http://host/custom", "http://host/custom/chat/completions"),
        ("http://host/v1/chat/completions", "http://host/v1/chat/completions"),
        (" https://host/openai?api-version=1 ", "https://host/openai/chat/completions?api-version=1"),
    ],
)
def test_endpoints_are_taken_as_people_write_them(base_url: str, url: str) -> None:
    assert completions_url(base_url) == url


def test_the_key_goes_into_the_header_and_nowhere_else() -> None:
    call = OFFICIAL.encode(a_request())

    assert call.headers["authorization"] == "Bearer sk-very-secret-key"
    assert "secret" not in f"{call!r} {OFFICIAL!r} {call.url} {call.body.decode()} {call.facts}"


def test_a_key_that_fits_no_header_is_refused_without_being_told() -> None:
    with pytest.raises(LLMConfigurationError, match="line ends") as caught:
        OpenAIChatCodec(api_key="sk-very-secret-key\n")

    assert "secret" not in f"{caught.value!r} {caught.value.to_dict()}"


def told(part: Part) -> list[str]:
    """What must be found on the wire if a part was not lost, as JSON writes it."""
    match part:
        case TextPart(text=text) | ReasoningPart(text=text):
            said = [text]
        case ToolCallPart():
            arguments = json.dumps(part.arguments, ensure_ascii=False) if part.malformed is None else part.malformed
            said = [part.call_id, part.name, arguments]
        case ToolResultPart(content=str(content), is_error=True):  # stands as a JSON string in an object
            said = [part.call_id, json.dumps(content, ensure_ascii=False)[1:-1]]
        case ToolResultPart(content=content):
            said = [part.call_id, content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)]
        case ImagePart():
            said = [part.data or part.url or ""]
    return said


@given(REQUESTS)
def test_no_part_is_lost(request: ModelRequest) -> None:
    strings = "\n".join(leaves(payload_of(request)["messages"]))

    for message in request.messages:
        for part in message.parts:
            assert all(said in strings for said in told(part))


def leaves(value: Any) -> list[str]:
    """All strings in a JSON value, and what is written inside those that are JSON objects themselves."""
    match value:
        case dict():
            return [leaf for item in value.values() for leaf in leaves(item)]
        case list():
            return [leaf for item in value for leaf in leaves(item)]
        case str():
            return [value, *leaves(malformed(value))]
        case None:
            return []
        case _:
            return [json.dumps(value)]


def malformed(arguments: str) -> str | None:
    """What a model wrote for arguments, when it went back inside an object."""
    try:
        value = json.loads(arguments)
    except ValueError:
        return None
    return value["malformed"] if isinstance(value, dict) and value.keys() == {"malformed"} else None
