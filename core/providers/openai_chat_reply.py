"""OpenAI's chat completions: how an answer is read. Tolerant of what compatible servers leave out or get wrong; no I/O."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from pydantic import JsonValue

from ..exceptions import LLMResponseParsingError
from ..inference import FinishReason, ModelRequest, ModelResponse
from ..parts import Part, ReasoningPart, TextPart, ToolCallPart
from ..usage import Usage
from ..wire_json import arguments_of, json_value
from .api_errors import api_error, error_code
from .exchange import HttpCall, HttpReply
from .unreadable import unreadable as unreadable_answer

Wire = dict[str, Any]  # JSON of the wire

WIRE = "openai_chat"
"""The name of this wire format in a part's provider_data."""
REASONING_FIELD = "reasoning_content"

FINISH_REASONS = {
    "stop": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
    "error": FinishReason.ERROR,
    "abort": FinishReason.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    parts: tuple[Part, ...]
    refused: bool

    @property
    def called(self) -> bool:
        return any(isinstance(part, ToolCallPart) for part in self.parts)


def read_reply(call: HttpCall, reply: HttpReply, *, keep_raw: bool) -> ModelResponse:
    """The answer in a reply of status 2xx; raises LLMResponseParsingError, or LLMAPIError for an error in disguise."""
    payload = _payload(call, reply)
    choice = _first_choice(payload)
    if choice is None:
        if payload.get("error"):
            raise api_error(call, replace(reply, status=true_status(payload, reply.status)))
        raise unreadable(call, reply, "has no choices")
    answer = _answer(choice, call.request)
    raw_reason = choice.get("finish_reason")
    identity = {"response_id": payload["id"]} if is_text(payload.get("id")) else {}
    return ModelResponse(
        model=payload["model"] if is_text(payload.get("model")) else call.request.model,
        parts=answer.parts,
        usage=read_usage(payload.get("usage")),
        finish_reason=finish_reason(raw_reason, called=answer.called, refused=answer.refused),
        raw_finish_reason=raw_reason if isinstance(raw_reason, str) else None,
        provider=call.provider,
        metadata={"raw_response": payload} if keep_raw else {},
        **identity,
    )


def read_usage(raw: object) -> Usage:
    """Usage in its normal form, from a report that may be missing or incomplete."""
    if not isinstance(raw, dict):
        return Usage()
    return Usage(
        input_tokens=_count(raw, "prompt_tokens"),
        output_tokens=_count(raw, "completion_tokens"),
        cache_read_tokens=_count(raw.get("prompt_tokens_details"), "cached_tokens"),
        cache_write_tokens=_count(raw.get("prompt_tokens_details"), "cache_write_tokens"),
        reasoning_tokens=_count(raw.get("completion_tokens_details"), "reasoning_tokens"),
        raw=raw,
    )


def _payload(call: HttpCall, reply: HttpReply) -> Wire:
    try:
        payload = json_value(reply.text)
    except (ValueError, RecursionError) as error:
        raise unreadable(call, reply, "is no JSON") from error
    if not isinstance(payload, dict):
        raise unreadable(call, reply, "is no JSON object")
    return payload


def unreadable(call: HttpCall, reply: HttpReply, why: str) -> LLMResponseParsingError:
    """The error for an answer that cannot be read; `why` goes on after "the answer"."""
    return unreadable_answer(call, reply, why, "an OpenAI chat completion")


def _first_choice(payload: Wire) -> Wire | None:
    choices = payload.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else None


def true_status(payload: Wire, status: int) -> int:
    """The status that an error in disguise should have had, when its code is one."""
    code = error_code(payload) or ""
    return int(code) if code.isdecimal() and 400 <= int(code) < 600 else status


def _answer(choice: Wire, request: ModelRequest) -> _Answer:
    message = choice.get("message")
    wire: Wire = message if isinstance(message, dict) else {"content": choice.get("text")}
    text = text_of(wire.get("content"))
    refusal = text_of(wire.get("refusal"))
    parts: list[Part] = [*_thoughts(wire)]
    parts += [TextPart(text=found) for found in (text, refusal) if found]
    parts += _calls(wire, request)
    return _Answer(parts=tuple(parts), refused=bool(refusal))


def text_of(content: object) -> str:
    """The text of a content field, which may be a list of blocks; empty when there is none."""
    match content:
        case str():
            return content
        case list():
            return "".join(text_of(block.get("text")) for block in content if isinstance(block, dict))
        case _:
            return ""


def _thoughts(wire: Wire) -> Iterator[ReasoningPart]:
    name = next((name for name in (REASONING_FIELD, "reasoning") if is_text(wire.get(name))), REASONING_FIELD)
    text = text_of(wire.get(name))
    kept: dict[str, JsonValue] = {} if name == REASONING_FIELD else {"field": name}
    if wire.get("reasoning_details"):
        kept["reasoning_details"] = wire["reasoning_details"]
    if text or kept:
        yield ReasoningPart(text=text, provider_data={WIRE: kept} if kept else None)


def _calls(wire: Wire, request: ModelRequest) -> Iterator[ToolCallPart]:
    listed = wire.get("tool_calls")
    calls = listed if isinstance(listed, list) else []
    legacy = [{"function": wire["function_call"]}] if isinstance(wire.get("function_call"), dict) and not calls else []
    used = {call.call_id for message in request.messages for call in message.tool_calls}
    for call in (*calls, *legacy):
        if isinstance(call, dict):
            yield _call(call, unused_id(call.get("id"), used))


def _call(wire: Wire, call_id: str) -> ToolCallPart:
    spoken = spoken_of(wire)
    raw = spoken.get("arguments", spoken.get("input"))
    arguments = arguments_of(raw)
    kept = extra_fields(wire)
    return ToolCallPart(
        call_id=call_id,
        name=text_of(spoken.get("name")),
        arguments=arguments or {},
        malformed=(raw if isinstance(raw, str) else json.dumps(raw)) if arguments is None else None,
        provider_data={WIRE: kept} if kept else None,
    )


def spoken_of(wire: Wire) -> Wire:
    """Where a tool call has its name and its arguments; those of a custom tool are free text, named input."""
    return next((wire[name] for name in ("function", "custom") if isinstance(wire.get(name), dict)), wire)


def extra_fields(wire: Wire) -> dict[str, JsonValue]:
    """What a tool call holds beside the fields that the wire format has, and must get back; that it is a custom tool's, too."""
    extra = {name: value for name, value in wire.items() if name not in _CALL_FIELDS and value is not None}
    return {**extra, "type": CUSTOM} if wire.get("type") == CUSTOM else extra


CUSTOM = "custom"
"""The type of a call of a tool that takes free text."""
_CALL_FIELDS = frozenset({"id", "type", "index", "function", CUSTOM, "name", "arguments", "input"})


def unused_id(wanted: object, used: set[str]) -> str:
    """`wanted`, or the first like it that no call of this conversation has."""
    stem = wanted if isinstance(wanted, str) and wanted else "call"
    call_id, number = stem, 1
    while call_id in used:
        number += 1
        call_id = f"{stem}_{number}"
    used.add(call_id)
    return call_id


def finish_reason(raw: object, *, called: bool, refused: bool) -> FinishReason:
    """Why the model stopped, by the server's word and by whether it called tools or refused."""
    reason = FINISH_REASONS.get(raw.lower(), FinishReason.STOP) if isinstance(raw, str) else FinishReason.STOP
    if reason is FinishReason.STOP and called:
        return FinishReason.TOOL_CALLS  # what servers say that do not tell the two apart
    return FinishReason.REFUSAL if reason is FinishReason.STOP and refused else reason


def is_text(value: object) -> TypeGuard[str]:
    """Whether a field holds any text."""
    return isinstance(value, str) and value != ""


def _count(report: object, name: str) -> int:
    value = report.get(name) if isinstance(report, dict) else None
    return max(0, int(value)) if isinstance(value, int | float) and not isinstance(value, bool) else 0
