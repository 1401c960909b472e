"""Anthropic's messages: how a conversation is written as system blocks and turns. No I/O.

Source: https://platform.claude.com/docs/en/api/messages. User and assistant take turns, the results of a turn's tools come first in the
next, and blocks without text are refused.
"""

import json
import re
from collections.abc import Iterable
from typing import assert_never

from ..exceptions import LLMConfigurationError
from ..parts import ImagePart, ModelMessage, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from .inline_images import inlined
from .kept_data import kept_of
from .wire_values import Wire

WIRE = "anthropic"
"""The name of this wire format in a part's provider_data."""

_FOREIGN_IN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_THOUGHTS = frozenset({"thinking", "redacted_thinking"})


def system_blocks(messages: Iterable[ModelMessage]) -> list[Wire]:
    """All system messages, joined; raises LLMConfigurationError for one that holds anything but text."""
    parts = [part for message in messages if message.role == "system" for part in message.parts]
    foreign = next((part.kind for part in parts if not isinstance(part, TextPart)), None)
    if foreign is not None:
        message = f"a system message holds a part of kind {foreign!r}; Anthropic takes text there: say the rest as a user"
        raise LLMConfigurationError(message, config_key="messages", config_value=foreign)
    return [block for part in parts if (block := _block(part)) is not None]


def turns(messages: Iterable[ModelMessage]) -> list[Wire]:
    """The conversation as turns: messages of one side that follow each other are one."""
    wire: list[Wire] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        blocks = [block for part in message.parts if (block := _block(part)) is not None] if message.role != "system" else []
        if blocks and wire and wire[-1]["role"] == role:
            wire[-1]["content"] += blocks
        elif blocks:
            wire.append({"role": role, "content": blocks})
    for turn in wire:
        turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    return wire


def last_markable(wire: list[Wire]) -> Wire | None:
    """The last block that a cached beginning may end with; thoughts may not be marked."""
    blocks = reversed(wire[-1]["content"]) if wire else ()
    return next((block for block in blocks if block["type"] not in _THOUGHTS), None)


def _block(part: Part) -> Wire | None:
    match part:
        case TextPart():
            kept = kept_of(part.provider_data, WIRE)
            return {**kept, "type": "text", "text": part.text} if part.text.strip() or kept else None
        case ReasoningPart():
            return _thought(part)
        case ToolCallPart():
            arguments = part.arguments if part.malformed is None else {"malformed": part.malformed}
            return {**kept_of(part.provider_data, WIRE), "type": "tool_use", "id": _id(part.call_id), "name": part.name, "input": arguments}
        case ToolResultPart():
            return _result(part)
        case ImagePart():
            return {"type": "image", "source": _source(part)}
        case _:
            assert_never(part)


def _thought(part: ReasoningPart) -> Wire | None:
    """The block that the model thought or the server did; thoughts of other providers' models are refused, so they stay away."""
    kept = kept_of(part.provider_data, WIRE)
    if kept.get("type") != "thinking":
        return kept if isinstance(kept.get("type"), str) else None
    signature = {} if part.signature is None else {"signature": part.signature}
    return {**kept, "thinking": part.text, **signature}


def _result(part: ToolResultPart) -> Wire:
    text = part.content if isinstance(part.content, str) else json.dumps(part.content, ensure_ascii=False)
    wire: Wire = {"type": "tool_result", "tool_use_id": _id(part.call_id), "content": text}
    if part.is_error:
        wire |= {"content": text or "failed", "is_error": True}  # an error without words is refused
    return wire


def _source(part: ImagePart) -> Wire:
    part = inlined(part)  # the API takes URLs of the web only
    if part.data is None:
        return {"type": "url", "url": part.url}
    return {"type": "base64", "media_type": part.media_type, "data": part.data}


def _id(call_id: str) -> str:
    """A call's id in the letters that the API allows, different for different ids."""
    return _FOREIGN_IN_ID.sub(lambda found: f"_{ord(found[0]):x}_", call_id)
