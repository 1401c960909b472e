"""OpenAI's chat completions: how an answer is read. Tolerant of what compatible servers leave out or get wrong; no I/O."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from ..inference import FinishReason, ModelRequest, ModelResponse
from ..parts import Part, ReasoningPart, TextPart, ToolCallPart
from ..usage import Usage
from .exchange import HttpCall, HttpReply
from .kept_data import keeping
from .openai_chat_beside import BesideText
from .payloads import Payloads
from .tool_call_parts import call_part, unused_id, used_ids
from .wire_values import Wire, count_of, is_text, text_of, tier_told

WIRE = "openai_chat"
"""The name of this wire format in a part's provider_data."""
REASONING_FIELD = "reasoning_content"
EXPECTED = "an OpenAI chat completion"

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
    payloads = Payloads(call=call, head=reply, expected=EXPECTED)
    payload = payloads.whole(reply.text)
    choice = _first_choice(payload)
    if choice is None:
        raise payloads.failed(payload) if payload.get("error") else payloads.unreadable(reply.text, "has no choices")
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
        metadata=tier_told(payload) | ({"raw_response": payload} if keep_raw else {}),
        **identity,
    )


def read_usage(raw: object) -> Usage:
    """Usage in its normal form, from a report that may be missing or incomplete."""
    if not isinstance(raw, dict):
        return Usage()
    asked, said = count_of(raw, "prompt_tokens"), count_of(raw, "completion_tokens")
    beside = max(0, count_of(raw, "total_tokens") - asked - said)  # where servers count reasoning beside the completion
    return Usage(
        input_tokens=asked,
        output_tokens=said + beside,
        cache_read_tokens=count_of(raw.get("prompt_tokens_details"), "cached_tokens"),
        cache_write_tokens=count_of(raw.get("prompt_tokens_details"), "cache_write_tokens"),
        reasoning_tokens=count_of(raw.get("completion_tokens_details"), "reasoning_tokens") or beside,
        raw=raw,
    )


def _first_choice(payload: Wire) -> Wire | None:
    choices = payload.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else None


def _answer(choice: Wire, request: ModelRequest) -> _Answer:
    message = choice.get("message")
    wire: Wire = message if isinstance(message, dict) else {"content": choice.get("text")}
    text = text_of(wire.get("content"))
    refusal = text_of(wire.get("refusal"))
    beside = BesideText()
    beside.add({**wire, "logprobs": choice.get("logprobs")})
    parts: list[Part] = [*_thoughts(wire)]
    texts = enumerate(filter(None, (text, refusal)))
    parts += [TextPart(text=found, provider_data=None if number else keeping(WIRE, beside.kept)) for number, found in texts]
    parts += _calls(wire, request)
    return _Answer(parts=tuple(parts), refused=bool(refusal))


def _thoughts(wire: Wire) -> Iterator[ReasoningPart]:
    name = next((name for name in (REASONING_FIELD, "reasoning") if is_text(wire.get(name))), REASONING_FIELD)
    text = text_of(wire.get(name))
    kept: dict[str, JsonValue] = {} if name == REASONING_FIELD else {"field": name}
    if wire.get("reasoning_details"):
        kept["reasoning_details"] = wire["reasoning_details"]
    if text or kept:
        yield ReasoningPart(text=text, provider_data=keeping(WIRE, kept))


def _calls(wire: Wire, request: ModelRequest) -> Iterator[ToolCallPart]:
    listed = wire.get("tool_calls")
    calls = listed if isinstance(listed, list) else []
    legacy = [{"function": wire["function_call"]}] if isinstance(wire.get("function_call"), dict) and not calls else []
    used = used_ids(request)
    for call in (*calls, *legacy):
        if isinstance(call, dict):
            yield _call(call, unused_id(call.get("id"), used))


def _call(wire: Wire, call_id: str) -> ToolCallPart:
    spoken = spoken_of(wire)
    raw = spoken.get("arguments", spoken.get("input"))
    return call_part(call_id, text_of(spoken.get("name")), raw, keeping(WIRE, extra_fields(wire)))


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


def finish_reason(raw: object, *, called: bool, refused: bool) -> FinishReason:
    """Why the model stopped, by the server's word and by whether it called tools or refused."""
    reason = FINISH_REASONS.get(raw.lower(), FinishReason.STOP) if isinstance(raw, str) else FinishReason.STOP
    if reason is FinishReason.STOP and called:
        return FinishReason.TOOL_CALLS  # what servers say that do not tell the two apart
    return FinishReason.REFUSAL if reason is FinishReason.STOP and refused else reason
