"""Between flat and typed shapes nothing is lost, and what somebody changed on the flat side counts."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.flat import flat_message, flat_request, flat_response, typed_messages, typed_request, typed_response
from polaris_llm.core.inference import CachePolicy, FinishReason, ModelRequest, ModelResponse
from polaris_llm.core.models import FunctionCall, LLMRequest, LLMResponse, Message, MessageRole, ToolCall
from polaris_llm.core.parts import ModelMessage, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, text_message
from polaris_llm.core.tool_schema import ToolSchema
from polaris_llm.core.usage import Usage
from support.model_requests import WEATHER, a_request, a_response
from support.model_strategies import MESSAGES, REQUESTS, RESPONSES

THOUGHT = ReasoningPart(text="Hm.", signature="signed")


@settings(max_examples=60)
@given(REQUESTS)
def test_a_request_is_the_same_after_there_and_back(request: ModelRequest) -> None:
    assert typed_request(flat_request(request)) == request


@settings(max_examples=60)
@given(MESSAGES)
def test_a_message_is_the_same_after_there_and_back(message: ModelMessage) -> None:
    assert typed_messages([flat_message(message)]) == (message,)


@settings(max_examples=60)
@given(RESPONSES)
def test_a_response_is_the_same_after_there_and_back(response: ModelResponse) -> None:
    assert typed_response(flat_response(response)) == response


def test_a_flat_history_becomes_typed_messages() -> None:
    call = ToolCall("weather", {"city": "Oslo"}, call_id="c1")
    history = [
        Message(MessageRole.SYSTEM, "Be brief."),
        Message(MessageRole.USER, "Weather?"),
        Message(MessageRole.ASSISTANT, "Let me see.", tool_calls=[call]),
        Message(MessageRole.TOOL, '{"sky": "grey"}', tool_call_id="c1"),
        Message(MessageRole.TOOL, "nobody asked", tool_call_id="c9"),
    ]

    assert typed_messages(history) == (
        text_message("system", "Be brief."),
        text_message("user", "Weather?"),
        ModelMessage(
            role="assistant",
            parts=(TextPart(text="Let me see."), ToolCallPart(call_id="c1", name="weather", arguments={"city": "Oslo"})),
        ),
        ModelMessage(role="tool", parts=(ToolResultPart(call_id="c1", name="weather", content='{"sky": "grey"}'),)),
        ModelMessage(role="tool", parts=(ToolResultPart(call_id="c9", name="", content="nobody asked"),)),
    )


def test_a_flat_response_has_the_contracts_fields() -> None:
    call = ToolCallPart(call_id="c1", name="weather", arguments={"city": "Oslo"})
    response = a_response(
        parts=(THOUGHT, TextPart(text="Let me see."), call),
        usage=Usage(input_tokens=5, output_tokens=2, reasoning_tokens=1),
        finish_reason=FinishReason.TOOL_CALLS,
        raw_finish_reason="tool_use",
        provider="openai",
        cached=True,
        metadata={"mock": True},
    )

    flat = flat_response(response, "request-1")

    assert (flat.content, flat.model_name, flat.finish_reason) == ("Let me see.", "a-model", "tool_calls")
    assert flat.usage == {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "reasoning_tokens": 1}
    assert flat.function_calls == [FunctionCall("weather", {"city": "Oslo"}, "c1")]
    assert (flat.request_id, flat.response_id) == ("request-1", response.response_id)
    assert {name: flat.metadata[name] for name in ("mock", "provider", "cached", "raw_finish_reason")} == {
        "mock": True,
        "provider": "openai",
        "cached": True,
        "raw_finish_reason": "tool_use",
    }


@pytest.mark.parametrize(
    "change", [{"content": "No."}, {"tool_calls": [ToolCall("weather", {}, call_id="c1")]}], ids=["content", "tool_calls"]
)
def test_a_message_that_was_changed_counts_as_changed(change: dict[str, Any]) -> None:
    flat = flat_message(ModelMessage(role="assistant", parts=(THOUGHT, TextPart(text="Yes."))))

    (message,) = typed_messages([replace(flat, **change)])

    assert message.text == change.get("content", "Yes.")
    assert [call.call_id for call in message.tool_calls] == [call.call_id for call in change.get("tool_calls", [])]


def test_a_response_that_was_changed_counts_as_changed() -> None:
    flat = flat_response(a_response(parts=(THOUGHT, TextPart(text="Yes."))))

    assert typed_response(replace(flat, content="No.")).parts == (TextPart(text="No."),)
    assert typed_response(replace(flat, function_calls=[FunctionCall("f", {}, "c1")])).tool_calls[0].name == "f"
    assert typed_response(flat).parts == (THOUGHT, TextPart(text="Yes."))


def test_tools_that_were_changed_count_as_changed() -> None:
    flat = flat_request(a_request(tools=(WEATHER,)))
    other = ToolSchema("other", "Does otherwise.", {}).to_openai_format()

    assert typed_request(flat).tools == (WEATHER,)
    assert [tool.name for tool in typed_request(replace(flat, tools=[other])).tools] == ["other"]
    assert typed_request(replace(flat, tools=None)).tools == ()


def test_tools_in_openais_format_become_schemas() -> None:
    parameters = {
        "type": "object",
        "properties": {"city": {"$ref": "#/$defs/City"}},
        "required": ["city"],
        "additionalProperties": False,
        "$defs": {"City": {"type": "string"}},
    }
    tools: list[dict[str, Any]] = [
        {"type": "function", "function": {"name": "weather", "description": "Tells.", "parameters": parameters}},
        {"name": "bare"},
    ]

    weather, bare = typed_request(LLMRequest([], "m", tools=tools)).tools

    assert weather.json_schema() == parameters
    assert (bare.name, bare.parameters, bare.required) == ("bare", {}, [])


@pytest.mark.parametrize(
    ("choice", "typed"),
    [(None, "auto"), ("required", "required"), ({"type": "function", "function": {"name": "weather"}}, "weather"), ({"name": "w"}, "w")],
)
def test_a_tool_choice_of_either_form_is_understood(choice: Any, typed: str) -> None:
    assert typed_request(LLMRequest([], "m", tool_choice=choice)).tool_choice == typed


def test_options_reach_what_only_the_typed_request_has() -> None:
    request = typed_request(LLMRequest([], "m", options={"seed": 7, "cache": CachePolicy(mode="bypass")}))

    assert (request.seed, request.cache.mode) == (7, "bypass")


def test_an_unknown_option_is_named_with_those_there_are() -> None:
    with pytest.raises(LLMConfigurationError, match=r"unknown request option 'sed'; known: .*seed"):
        typed_request(LLMRequest([], "m", options={"sed": 7}))


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"total_tokens": 30}, (30, 0)),
        ({"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}, (10, 20)),
        ({"completion_tokens": 20, "total_tokens": 30}, (10, 20)),
        ({}, (0, 0)),
    ],
)
def test_usage_is_read_as_far_as_it_is_told(usage: dict[str, int], tokens: tuple[int, int]) -> None:
    typed = typed_response(LLMResponse("Hi", "m", usage)).usage

    assert (typed.input_tokens, typed.output_tokens) == tokens


def test_what_is_changed_later_does_not_reach_a_request_already_made() -> None:
    history = [Message(MessageRole.USER, "Hi")]
    request = typed_request(LLMRequest(history, "m", metadata={"a": 1}))

    history.append(Message(MessageRole.USER, "Later"))

    assert [message.text for message in request.messages] == ["Hi"]
