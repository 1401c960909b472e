"""How the OpenAI responses codec writes requests."""

import json
import re
from typing import Any

import pytest
from pydantic import JsonValue

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.inference import ModelRequest, PromptCache
from polaris_llm.core.parts import (
    ImagePart,
    ModelMessage,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    text_message,
)
from polaris_llm.core.providers.openai_responses import OpenAIResponsesCodec, responses_url
from polaris_llm.core.tool_schema import ToolSchema
from support.model_requests import WEATHER, a_request
from support.responses_streams import CODEC, KEY


def payload_of(request: ModelRequest) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(CODEC.encode(request).body)
    return payload


def input_of(*messages: ModelMessage) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = payload_of(a_request(messages=messages))["input"]
    return items


def extras(**parameters: JsonValue) -> dict[str, JsonValue]:
    return {"openai_responses": parameters}


def test_a_plain_request_says_no_more_than_it_must() -> None:
    assert payload_of(a_request("Hi")) == {
        "model": "a-model",
        "input": [{"role": "user", "content": "Hi"}],
        "max_output_tokens": 1000,
        "temperature": 0.1,
    }


def test_every_setting_has_its_place() -> None:
    request = a_request(
        tools=(WEATHER,),
        tool_choice="weather",
        parallel_tool_calls=False,
        top_p=0.5,
        reasoning_effort="low",
        service_tier="flex",
        prompt_cache=PromptCache(key="farm", ttl="1h"),
        response_schema={"type": "object"},
    )

    payload = payload_of(request)

    schema = WEATHER.json_schema()
    assert payload["tools"] == [
        {"type": "function", "name": "weather", "description": "Tells the weather.", "parameters": schema, "strict": False}
    ]
    assert payload["tool_choice"] == {"type": "function", "name": "weather"}
    assert payload["text"] == {"format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}, "strict": False}}
    assert {name: payload[name] for name in payload if name not in ("model", "input", "tools", "tool_choice", "text")} == {
        "max_output_tokens": 1000,
        "temperature": 0.1,
        "parallel_tool_calls": False,
        "top_p": 0.5,
        "reasoning": {"effort": "low"},
        "service_tier": "flex",
        "prompt_cache_key": "farm",
        "prompt_cache_retention": "24h",
    }


@pytest.mark.parametrize(("choice", "sent"), [("auto", None), ("none", "none"), ("required", "required")])
def test_a_general_tool_choice_is_sent_unless_it_is_the_default(choice: str, sent: str | None) -> None:
    assert payload_of(a_request(tools=(WEATHER,), tool_choice=choice)).get("tool_choice") == sent


@pytest.mark.parametrize(("model", "asked", "sent"), [("gpt-5.6-terra", 0.1, None), ("gpt-5.6-terra", 0.7, 0.7), ("gpt-4o", 0.1, 0.1)])
def test_a_temperature_that_nobody_asked_for_is_left_out_where_the_model_would_refuse_it(
    model: str, asked: float, sent: float | None
) -> None:
    assert payload_of(a_request(model=model, temperature=asked)).get("temperature") == sent


def test_a_tool_choice_without_tools_is_not_sent() -> None:
    assert (
        not {"tool_choice", "parallel_tool_calls", "tools"} & payload_of(a_request(tool_choice="required", parallel_tool_calls=True)).keys()
    )


@pytest.mark.parametrize(("name", "value"), [("stop", ("END",)), ("seed", 7)])
def test_what_the_api_has_no_parameter_for_is_refused_and_not_dropped(name: str, value: Any) -> None:
    with pytest.raises(LLMConfigurationError, match=f"no parameter '{name}'") as caught:
        CODEC.encode(a_request(**{name: value}))

    assert "ask by chat completions" in str(caught.value)
    assert re.search(rf'\{{"openai_responses": \{{"{name}": ', str(caught.value))


def test_schemas_that_leave_nothing_open_are_strict() -> None:
    closed = ToolSchema("weather", "Tells the weather.", {"city": {"type": "string"}}, ["city"], closed=True)
    schema = closed.json_schema()

    payload = payload_of(a_request(tools=(closed,), response_schema=schema))

    assert payload["tools"][0]["strict"] is True
    assert payload["text"]["format"]["strict"] is True


def test_an_extra_replaces_a_parameter_and_an_extra_of_none_takes_it_away() -> None:
    payload = payload_of(a_request(extras=extras(max_output_tokens=5, temperature=None)))

    assert payload["max_output_tokens"] == 5
    assert "temperature" not in payload


def test_an_extra_list_grows_and_an_extra_object_takes_members_in() -> None:
    web: JsonValue = {"type": "web_search"}
    more = extras(tools=[web], reasoning={"summary": "auto"}, text={"verbosity": "low"})

    payload = payload_of(a_request(tools=(WEATHER,), reasoning_effort="low", response_schema={"type": "object"}, extras=more))

    assert [tool["type"] for tool in payload["tools"]] == ["function", "web_search"]
    assert payload["reasoning"] == {"effort": "low", "summary": "auto"}
    assert payload["text"].keys() == {"format", "verbosity"}


@pytest.mark.parametrize("include", [{}, {"include": ["reasoning.encrypted_content"]}])
def test_reasoning_comes_encrypted_when_the_server_keeps_nothing(include: dict[str, JsonValue]) -> None:
    assert payload_of(a_request(extras=extras(store=False, **include)))["include"] == ["reasoning.encrypted_content"]


def test_the_first_system_messages_are_the_instructions_and_later_ones_stay_in_their_place() -> None:
    messages = (text_message("system", "One."), text_message("system", "Two."), text_message("user", "Hi"), text_message("system", "Late."))

    payload = payload_of(a_request(messages=messages))

    assert payload["instructions"] == "One.\n\nTwo."
    assert payload["input"] == [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Late."}]


def test_system_messages_alone_are_the_input() -> None:
    payload = payload_of(a_request(messages=(text_message("system", "One."),)))

    assert payload["input"] == [{"role": "system", "content": "One."}]
    assert "instructions" not in payload


def test_tool_calls_and_their_results_are_items() -> None:
    calls = tuple(ToolCallPart(call_id=name, name="weather", arguments={"city": name}) for name in ("a", "b"))
    results = tuple(ToolResultPart(call_id=name, name="weather", content={"sky": "grey"}) for name in ("a", "b"))

    items = input_of(ModelMessage(role="assistant", parts=(TextPart(text="Let me see."), *calls)), ModelMessage(role="tool", parts=results))

    assert items == [
        {"type": "message", "role": "assistant", "content": "Let me see."},
        *({"type": "function_call", "call_id": name, "name": "weather", "arguments": f'{{"city": "{name}"}}'} for name in ("a", "b")),
        *({"type": "function_call_output", "call_id": name, "output": '{"sky": "grey"}'} for name in ("a", "b")),
    ]


def test_images_go_as_blocks_by_data_or_by_url() -> None:
    parts = (TextPart(text="See:"), ImagePart(media_type="image/png", data="QUJD"), ImagePart(media_type="image/png", url="https://x/y"))

    assert input_of(ModelMessage(role="user", parts=parts))[0]["content"] == [
        {"type": "input_text", "text": "See:"},
        {"type": "input_image", "image_url": "data:image/png;base64,QUJD", "detail": "auto"},
        {"type": "input_image", "image_url": "https://x/y", "detail": "auto"},
    ]


def test_what_a_tool_shows_stands_beside_its_result() -> None:
    image = ImagePart(media_type="image/png", data="QUJD")
    results = [ToolResultPart(call_id=name, name="plot", content="done") for name in ("a", "b")]

    first, second = input_of(ModelMessage(role="tool", parts=(results[0], image, results[1])))

    assert [block["type"] for block in first["output"]] == ["input_text", "input_image"]
    assert second["output"] == "done"


def test_a_failed_tool_says_so() -> None:
    failures: tuple[JsonValue, ...] = ("no such city", {"reason": "no such city"}, {"error": "no such city"})
    parts = tuple(ToolResultPart(call_id="a", name="weather", content=content, is_error=True) for content in failures)

    outputs = [json.loads(item["output"]) for item in input_of(ModelMessage(role="tool", parts=parts))]

    assert outputs == [{"error": "no such city"}, {"error": {"reason": "no such city"}}, {"error": "no such city"}]


def test_malformed_arguments_go_back_as_valid_json() -> None:
    part = ToolCallPart(call_id="a", name="weather", arguments={}, malformed='{"city": "Os')

    assert json.loads(input_of(ModelMessage(role="assistant", parts=(part,)))[0]["arguments"]) == {"malformed": '{"city": "Os'}


def test_what_a_model_of_another_provider_thought_stays_here() -> None:
    parts = (ReasoningPart(text="Hm.", signature="sig", provider_data={"anthropic": {"type": "thinking"}}), TextPart(text="Yes."))

    assert input_of(ModelMessage(role="assistant", parts=parts)) == [{"type": "message", "role": "assistant", "content": "Yes."}]


def test_a_part_whose_item_was_lost_goes_as_plain_text() -> None:
    part = TextPart(text="Second.", provider_data={"openai_responses": {"id": "msg_1", "content": {"type": "output_text"}}})

    assert input_of(ModelMessage(role="assistant", parts=(part,))) == [{"type": "message", "role": "assistant", "content": "Second."}]


def test_a_message_without_parts_keeps_its_turn() -> None:
    assert input_of(ModelMessage(role="assistant", parts=())) == [{"type": "message", "role": "assistant", "content": ""}]


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.openai.com", "https://api.openai.com/v1/responses"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1/responses"),
        ("http://host/v1/responses", "http://host/v1/responses"),
        (" https://host/openai?api-version=1 ", "https://host/openai/responses?api-version=1"),
    ],
)
def test_endpoints_are_taken_as_people_write_them(base_url: str, url: str) -> None:
    assert responses_url(base_url) == url


def test_the_key_goes_into_the_header_and_nowhere_else() -> None:
    call = CODEC.encode(a_request())

    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert "secret" not in f"{call!r} {CODEC!r} {call.url} {call.body.decode()} {call.facts}"


def test_a_key_that_fits_no_header_is_refused_without_being_told() -> None:
    with pytest.raises(LLMConfigurationError, match="line ends") as caught:
        OpenAIResponsesCodec(api_key=f"{KEY}\n")

    assert "secret" not in f"{caught.value!r} {caught.value.to_dict()}"


def test_what_json_cannot_carry_is_refused_with_the_models_name() -> None:
    with pytest.raises(LLMConfigurationError, match="'a-model' cannot be written as JSON"):
        CODEC.encode(a_request(extras=extras(top_k=float("nan"))))
