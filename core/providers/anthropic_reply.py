"""Anthropic's messages: how an answer is read. Tolerant of what compatible servers leave out or get wrong; no I/O.

What the API must get back unchanged, and what no part has a place for, is kept in the part's provider_data: the rest of a text (its
citations) and of a tool call, and whole blocks such as redacted thoughts and what the server's own tools did, as reasoning without text.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pydantic import JsonValue

from ..exceptions import LLMResponseParsingError
from ..inference import FinishReason, ModelResponse
from ..parts import Part, ProviderData, ReasoningPart, TextPart, ToolCallPart
from ..usage import Usage
from ..wire_json import arguments_of, json_value
from .anthropic_errors import error_words
from .anthropic_messages import WIRE
from .api_errors import api_error
from .exchange import HttpCall, HttpReply
from .openai_chat_reply import is_text, text_of, unused_id
from .unreadable import unreadable as unreadable_answer

Wire = dict[str, Any]  # JSON of the wire

FINISH_REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "pause_turn": FinishReason.PAUSE,
    "refusal": FinishReason.REFUSAL,
    "model_context_window_exceeded": FinishReason.CONTEXT_WINDOW,
}
_HELD = {
    "text": frozenset({"type", "text"}),
    "thinking": frozenset({"thinking", "signature"}),
    "tool_use": frozenset({"type", "id", "name", "input"}),
}
"""The fields of a block that a part has a place for; thoughts keep their type, which tells them from other providers'."""
_ENDS = ("stop_sequence", "stop_details", "container", "diagnostics")


def read_reply(call: HttpCall, reply: HttpReply, *, keep_raw: bool) -> ModelResponse:
    """The answer in a reply of status 2xx; raises LLMResponseParsingError, or LLMAPIError for an error in disguise."""
    payload = read_payload(call, reply, reply.text)
    blocks = payload.get("content")
    if not isinstance(blocks, list):
        raise unreadable(call, reply, "has no content")
    used = used_ids(call)
    parts = tuple(part for block in blocks if isinstance(block, dict) and (part := _part(block, used)) is not None)
    facts = read_facts(call, payload, called=any(isinstance(part, ToolCallPart) for part in parts))
    if keep_raw:
        facts["metadata"] = {**facts["metadata"], "raw_response": payload}
    return ModelResponse(parts=parts, usage=read_usage(payload.get("usage")), **facts)


def read_payload(call: HttpCall, head: HttpReply, text: str, read: Callable[[str], Any] = json_value) -> Wire:
    """The JSON object of an answer or an event; raises LLMAPIError for one that is an error, or LLMResponseParsingError."""
    try:
        payload = read(text)
    except (ValueError, RecursionError) as error:
        raise unreadable(call, _with_body(head, text), "is no JSON") from error
    if not isinstance(payload, dict):
        raise unreadable(call, _with_body(head, text), "is no JSON object")
    if payload.get("type") == "error" or payload.get("error"):
        raise api_error(call, _with_body(head, text), error_words)
    return payload


def _with_body(head: HttpReply, text: str) -> HttpReply:
    return replace(head, body=text.encode())


def read_facts(call: HttpCall, message: Wire, *, called: bool) -> dict[str, Any]:  # fields of ModelResponse and StreamFinished
    """What is known of an answer as a whole."""
    raw = message.get("stop_reason")
    reason = FINISH_REASONS.get(raw, FinishReason.STOP) if isinstance(raw, str) else FinishReason.STOP
    ends = {name: message[name] for name in _ENDS if message.get(name) is not None}
    return {
        "model": message["model"] if is_text(message.get("model")) else call.request.model,
        "provider": call.provider,
        "finish_reason": FinishReason.TOOL_CALLS if reason is FinishReason.STOP and called else reason,
        "raw_finish_reason": raw if isinstance(raw, str) else None,
        "metadata": {WIRE: ends} if ends else {},
        **({"response_id": message["id"]} if is_text(message.get("id")) else {}),
    }


def read_usage(raw: object) -> Usage:
    """Usage in its normal form: the API counts cached tokens apart, and we among the input."""
    if not isinstance(raw, dict):
        return Usage()
    read, written = _count(raw, "cache_read_input_tokens"), _count(raw, "cache_creation_input_tokens")
    return Usage(
        input_tokens=_count(raw, "input_tokens") + read + written,
        output_tokens=_count(raw, "output_tokens"),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=_count(raw.get("output_tokens_details"), "thinking_tokens"),
        raw={name: value for name, value in raw.items() if value is not None},
    )


def used_ids(call: HttpCall) -> set[str]:
    """The ids of this conversation's tool calls."""
    return {past.call_id for message in call.request.messages for past in message.tool_calls}


def _part(block: Wire, used: set[str]) -> Part | None:
    match block.get("type"):
        case "text":
            text, kept = text_of(block.get("text")), kept_of(block)
            return TextPart(text=text, provider_data=kept) if text or kept else None
        case "thinking":
            return ReasoningPart(text=text_of(block.get("thinking")), signature=signature_of(block), provider_data=kept_of(block))
        case "tool_use":
            return _call(block, unused_id(block.get("id"), used))
        case str():
            return ReasoningPart(text="", provider_data={WIRE: block})
        case _:
            return None


def _call(block: Wire, call_id: str) -> ToolCallPart:
    raw = block.get("input")
    arguments = arguments_of(raw)
    return ToolCallPart(
        call_id=call_id,
        name=text_of(block.get("name")),
        arguments=arguments or {},
        malformed=(raw if isinstance(raw, str) else json.dumps(raw)) if arguments is None else None,
        provider_data=kept_of(block),
    )


def signature_of(block: Wire) -> str | None:
    """The signature of a thought, which may be an empty one."""
    signature = block.get("signature")
    return signature if isinstance(signature, str) else None


def kept_of(block: Wire) -> ProviderData | None:
    """What a block holds beside the fields that its part has, and must get back."""
    held = _HELD[block["type"]]
    kept: dict[str, JsonValue] = {name: value for name, value in block.items() if name not in held and value is not None and value != []}
    return {WIRE: kept} if kept else None


def unreadable(call: HttpCall, reply: HttpReply, why: str) -> LLMResponseParsingError:
    """The error for an answer that cannot be read; `why` goes on after "the answer"."""
    return unreadable_answer(call, reply, why, "an Anthropic message")


def _count(report: object, name: str) -> int:
    value = report.get(name) if isinstance(report, dict) else None
    return max(0, int(value)) if isinstance(value, int | float) and not isinstance(value, bool) else 0
