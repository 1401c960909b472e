"""Between the contract's flat shapes and the typed ones. What the flat ones have no place for travels in `parts` and `options`.

A typed value that travels so wins over the flat fields beside it, unless somebody changed those since.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from pydantic import JsonValue

from .exceptions import LLMConfigurationError
from .inference import FinishReason, ModelRequest, ModelResponse
from .models import FunctionCall, LLMRequest, LLMResponse, Message, MessageRole, ToolCall
from .parts import ModelMessage, Part, Role, TextPart, ToolCallPart, ToolResultPart
from .prompt_origins import with_origins
from .tool_schema import ToolSchema
from .usage import Usage

_FLAT_FIELDS = {"model", "messages", "tool_choice", "max_tokens", "temperature", "metadata", "request_id"}
OPTIONS = {field.name: field for field in fields(ModelRequest) if field.name not in _FLAT_FIELDS}
"""What `LLMRequest.options` may hold."""

_ROLES: Mapping[MessageRole, Role] = {
    MessageRole.SYSTEM: "system",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.TOOL: "tool",
}
_FINISH_REASONS = frozenset(reason.value for reason in FinishReason)
_DETAIL_TOKENS = ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_RESPONSE_FACTS = ("provider", "cached", "attempts", "latency_s", "raw_finish_reason")
"""Fields of ModelResponse that stand in a flat response's metadata, beside `usage_raw`."""


def typed_request(request: LLMRequest) -> ModelRequest:
    """The typed request, which knows the templates of its messages; raises LLMConfigurationError for an option that there is not."""
    if unknown := sorted(request.options.keys() - OPTIONS.keys()):
        message = f"unknown request option {', '.join(map(repr, unknown))}; known: {', '.join(sorted(OPTIONS))}"
        raise LLMConfigurationError(message, config_key="options", config_value=unknown)
    options = {**request.options, "tools": _typed_tools(request)}
    return ModelRequest(
        model=request.model_name,
        messages=typed_messages(request.messages),
        tool_choice=_typed_choice(request.tool_choice),
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        metadata=with_origins(request.metadata, request.messages),
        request_id=request.request_id,
        **options,
    )


def flat_request(request: ModelRequest) -> LLMRequest:
    """The flat request, which `typed_request` makes the same again."""
    choice = request.tool_choice
    named = choice not in ("auto", "none", "required")
    return LLMRequest(
        messages=[flat_message(message) for message in request.messages],
        model_name=request.model,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        tools=[tool.to_openai_format() for tool in request.tools] or None,
        tool_choice={"type": "function", "function": {"name": choice}} if named else choice,
        metadata=dict(request.metadata),
        request_id=request.request_id,
        options={name: value for name in OPTIONS if (value := getattr(request, name)) != _default(name)},
    )


def typed_response(response: LLMResponse) -> ModelResponse:
    """The typed response; a finish reason that is not ours is kept as the raw one."""
    metadata = dict(response.metadata)
    facts = {name: metadata.pop(name) for name in _RESPONSE_FACTS if name in metadata}
    known = response.finish_reason in _FINISH_REASONS
    if not known:
        facts.setdefault("raw_finish_reason", response.finish_reason)
    return ModelResponse(
        model=response.model_name,
        parts=_typed_answer(response),
        usage=_typed_usage(response.usage, metadata.pop("usage_raw", {})),
        finish_reason=FinishReason(response.finish_reason) if known else FinishReason.STOP,
        response_id=response.response_id,
        metadata=metadata,
        **facts,
    )


def flat_response(response: ModelResponse, request_id: str | None = None) -> LLMResponse:
    """The flat response, which `typed_response` makes the same again."""
    facts = {name: value for name in _RESPONSE_FACTS if (value := getattr(response, name)) is not None}
    raw_usage = {"usage_raw": response.usage.raw} if response.usage.raw else {}
    return LLMResponse(
        content=response.text,
        model_name=response.model,
        usage=_flat_usage(response.usage),
        function_calls=_flat_calls(response.parts),
        finish_reason=response.finish_reason.value,
        response_id=response.response_id,
        request_id=request_id,
        metadata={**response.metadata, **facts, **raw_usage},
        parts=response.parts,
    )


def typed_messages(messages: Sequence[Message]) -> tuple[ModelMessage, ...]:
    """The typed messages; a tool result takes its tool's name from the call that it answers."""
    names = {call.call_id: call.tool_name for message in messages for call in message.tool_calls}
    return tuple(_typed_message(message, names) for message in messages)


def flat_message(message: ModelMessage) -> Message:
    """The flat message, which `typed_messages` makes the same again."""
    return Message(
        role=MessageRole(message.role),
        content=_content(message.parts),
        tool_calls=[_flat_call(part) for part in message.tool_calls],
        tool_call_id=_answered(message.parts),
        parts=message.parts,
    )


def _typed_message(message: Message, names: Mapping[str, str]) -> ModelMessage:
    calls = [_typed_call(call.call_id, call.tool_name, call.parameters) for call in message.tool_calls]
    if _says(message.parts, message.content, calls) and _answered(message.parts) == message.tool_call_id:
        return ModelMessage(role=_ROLES[message.role], parts=message.parts)
    call_id = message.tool_call_id or ""
    if message.role == MessageRole.TOOL and (call_id or message.content):
        result = ToolResultPart(call_id=call_id, name=names.get(call_id, ""), content=message.content)
        return ModelMessage(role="tool", parts=(result,))
    return ModelMessage(role=_ROLES[message.role], parts=_parts(message.content, calls))


def _typed_answer(response: LLMResponse) -> tuple[Part, ...]:
    calls = [_typed_call(call.call_id, call.name, call.arguments) for call in response.function_calls]
    return response.parts if _says(response.parts, response.content, calls) else _parts(response.content or "", calls)


def _says(parts: Sequence[Part], content: str, calls: Sequence[ToolCallPart]) -> bool:
    plain = [_typed_call(part.call_id, part.name, part.arguments) for part in parts if isinstance(part, ToolCallPart)]
    return bool(parts) and _content(parts) == content and plain == list(calls)


def _parts(content: str, calls: Iterable[ToolCallPart]) -> tuple[Part, ...]:
    return (*([TextPart(text=content)] if content else []), *calls)


def _content(parts: Iterable[Part]) -> str:
    return "".join(text for part in parts if (text := _text(part)) is not None)


def _text(part: Part) -> str | None:
    match part:
        case TextPart(text=text):
            return text
        case ToolResultPart(content=content):
            return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        case _:
            return None


def _answered(parts: Iterable[Part]) -> str | None:
    return next((part.call_id for part in parts if isinstance(part, ToolResultPart)), None)


def _typed_call(call_id: str, name: str, arguments: dict[str, JsonValue]) -> ToolCallPart:
    return ToolCallPart(call_id=call_id, name=name, arguments=arguments)


def _flat_call(part: ToolCallPart) -> ToolCall:
    return ToolCall(tool_name=part.name, parameters=dict(part.arguments), call_id=part.call_id)


def _flat_calls(parts: Iterable[Part]) -> list[FunctionCall]:
    calls = (part for part in parts if isinstance(part, ToolCallPart))
    return [FunctionCall(name=part.name, arguments=dict(part.arguments), call_id=part.call_id) for part in calls]


def _typed_tools(request: LLMRequest) -> tuple[ToolSchema, ...]:
    tools = tuple(request.options.get("tools", ()))
    told = request.tools or []
    return tools if [tool.to_openai_format() for tool in tools] == told else tuple(_typed_tool(tool) for tool in told)


def _typed_tool(tool: Mapping[str, Any]) -> ToolSchema:
    function = tool.get("function", tool)
    schema = function.get("parameters") or {}
    return ToolSchema(
        function.get("name", ""),
        function.get("description", ""),
        schema.get("properties", {}),
        list(schema.get("required", [])),
        definitions=schema.get("$defs", {}),
        closed=schema.get("additionalProperties") is False,
    )


def _typed_choice(choice: str | dict[str, Any] | None) -> str:
    if isinstance(choice, dict):
        name: str = choice.get("function", choice).get("name", "auto")
        return name
    return choice or "auto"


def _default(name: str) -> object:
    field = OPTIONS[name]
    return field.default if field.default_factory is MISSING else field.default_factory()


def _flat_usage(usage: Usage) -> dict[str, int]:
    details = {name: count for name in _DETAIL_TOKENS if (count := getattr(usage, name))}
    counts = {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens, "total_tokens": usage.total_tokens}
    return counts | details


def _typed_usage(usage: Mapping[str, int], raw: dict[str, JsonValue]) -> Usage:
    output_tokens = usage.get("completion_tokens", 0)
    input_tokens = usage.get("prompt_tokens", max(0, usage.get("total_tokens", 0) - output_tokens))
    details = {name: usage.get(name, 0) for name in _DETAIL_TOKENS}
    return Usage(input_tokens=input_tokens, output_tokens=output_tokens, raw=raw, **details)
