"""Anthropic's messages: how an answer is read. Tolerant of what compatible servers leave out or get wrong; no I/O.

What the API must get back unchanged, and what no part has a place for, is kept in the part's provider_data: the rest of a text (its
citations) and of a tool call, and whole blocks such as redacted thoughts and what the server's own tools did, as reasoning without text.
"""

from dataclasses import replace
from typing import Any

from ..inference import FinishReason, ModelResponse
from ..parts import Part, ProviderData, ReasoningPart, TextPart, ToolCallPart
from ..pricing import compactions
from ..usage import Usage
from .anthropic_errors import error_words
from .anthropic_messages import WIRE
from .exchange import HttpCall, HttpReply
from .kept_data import keeping
from .payloads import Payloads
from .tool_call_parts import call_part, unused_id, used_ids
from .wire_values import Wire, count_of, is_text, text_of, tier_told

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
    payloads = payloads_of(call, reply)
    payload = payloads.whole(reply.text)
    if is_error(payload):
        raise payloads.failed(payload)
    blocks = payload.get("content")
    if not isinstance(blocks, list):
        raise payloads.unreadable(reply.text, "has no content")
    used = used_ids(call.request)
    parts = tuple(part for block in blocks if isinstance(block, dict) and (part := _part(block, used)) is not None)
    facts = read_facts(call, payload, called=any(isinstance(part, ToolCallPart) for part in parts))
    if keep_raw:
        facts["metadata"] = {**facts["metadata"], "raw_response": payload}
    return ModelResponse(parts=parts, usage=read_usage(payload.get("usage")), **facts)


def payloads_of(call: HttpCall, head: HttpReply) -> Payloads:
    """What reads the JSON of an answer, or of its events."""
    return Payloads(call=call, head=head, expected="an Anthropic message", dialect=error_words)


def is_error(payload: Wire) -> bool:
    """Whether an error stands where a message, or an event of one, was promised."""
    return payload.get("type") == "error" or bool(payload.get("error"))


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
        "metadata": {**({WIRE: ends} if ends else {}), **tier_told(message.get("usage"))},
        **({"response_id": message["id"]} if is_text(message.get("id")) else {}),
    }


def read_usage(raw: object) -> Usage:
    """Usage in its normal form: what compactions took is of the call, too."""
    if not isinstance(raw, dict):
        return Usage()
    counted = sum(map(_counted, compactions(raw)), _counted(raw))
    return replace(counted, raw={name: value for name, value in raw.items() if value is not None})


def _counted(report: Wire) -> Usage:
    """One report's counts: the API counts cached tokens apart, and we among the input."""
    read, written = count_of(report, "cache_read_input_tokens"), count_of(report, "cache_creation_input_tokens")
    return Usage(
        input_tokens=count_of(report, "input_tokens") + read + written,
        output_tokens=count_of(report, "output_tokens"),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=count_of(report.get("output_tokens_details"), "thinking_tokens"),
    )


def _part(block: Wire, used: set[str]) -> Part | None:
    match block.get("type"):
        case "text":
            text, kept = text_of(block.get("text")), rest_of(block)
            return TextPart(text=text, provider_data=kept) if text or kept else None
        case "thinking":
            return ReasoningPart(text=text_of(block.get("thinking")), signature=signature_of(block), provider_data=rest_of(block))
        case "tool_use":
            return call_part(unused_id(block.get("id"), used), text_of(block.get("name")), block.get("input"), rest_of(block))
        case str():
            return ReasoningPart(text="", provider_data={WIRE: block})
        case _:
            return None


def signature_of(block: Wire) -> str | None:
    """The signature of a thought, which may be an empty one."""
    signature = block.get("signature")
    return signature if isinstance(signature, str) else None


def rest_of(block: Wire) -> ProviderData | None:
    """What a block holds beside the fields that its part has, and must get back."""
    held = _HELD[block["type"]]
    return keeping(WIRE, {name: value for name, value in block.items() if name not in held and value is not None and value != []})
