"""OpenAI's responses: between the items of an output and the parts of an answer. No I/O.

An item holds several texts, a part holds one. What else an item has stands in `provider_data` of its first part, the other parts
name the item they belong to: so a whole conversation goes back as it came, encrypted reasoning and unknown items included.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from ..parts import ReasoningPart, TextPart, ToolCallPart
from .kept_data import kept_of
from .openai_shared import call_arguments
from .tool_call_parts import written
from .wire_values import Wire, without_nones

WIRE = "openai_responses"
"""The name of this wire format in a part's provider_data."""
CONTENT_OFFSET = 1 << 15
"""Of the first reasoning text behind the summaries of its item."""

TEXT_FIELDS = {"output_text": "text", "summary_text": "text", "reasoning_text": "text", "refusal": "refusal"}
_LISTS = ("summary", "content")
_OF_TEXTS = ("message", "reasoning")
_CALL_FIELDS = frozenset({"type", "call_id", "name", "arguments"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What becomes one part of an answer."""

    offset: int
    """Its place among the pieces of its item; places may have gaps."""
    kind: Literal["text", "reasoning", "call"]
    text: str
    """A call's arguments, as they were written."""
    kept: dict[str, JsonValue]
    """What must go back with the part."""
    is_refusal: bool = False


def pieces(item: Wire) -> Iterator[Piece]:
    """The pieces of an item; one that is of no known type is kept whole in a piece without text."""
    match item.get("type"):
        case "message":
            yield from _texts(item, "text")
        case "reasoning":
            yield from _texts(item, "reasoning")
        case "function_call":
            kept = {name: value for name, value in without_nones(item).items() if name not in _CALL_FIELDS}
            yield Piece(offset=0, kind="call", text=written(item.get("arguments")), kept={"item": kept} if kept else {})
        case _:
            yield Piece(offset=0, kind="reasoning", text="", kept={"item": without_nones(item)})


def add_to_items(items: list[Wire], part: TextPart | ReasoningPart) -> bool:
    """Write a part into the item that it came in, which may be the last of `items`; False when it came in none."""
    kept: Wire = kept_of(part.provider_data, WIRE)
    started = kept.get("item")
    name = next((name for name in _LISTS if isinstance(kept.get(name), dict)), None)
    if isinstance(started, dict):
        items.append(_emptied(started))
    elif name is None or not items or items[-1].get("type") not in _OF_TEXTS or items[-1].get("id") != kept.get("id"):
        return False
    if name is not None:
        entry = dict(kept[name])
        field = TEXT_FIELDS.get(str(entry.get("type")))
        items[-1][name] = [*items[-1].get(name, ()), entry | {field: part.text} if field else entry]
    return True


def call_item(part: ToolCallPart) -> Wire:
    """The item of a tool call."""
    item = kept_of(part.provider_data, WIRE).get("item")
    spoken: Wire = {"call_id": part.call_id, "name": part.name, "arguments": call_arguments(part)}
    return {**(item if isinstance(item, dict) else {}), "type": "function_call", **spoken}


def _texts(item: Wire, kind: Literal["text", "reasoning"]) -> Iterator[Piece]:
    head: Wire = {name: value for name, value in without_nones(item).items() if name not in _LISTS}
    kept: Wire = {"item": head}
    for name, first in (("summary", 0), ("content", CONTENT_OFFSET)) if kind == "reasoning" else (("content", 0),):
        for offset, entry in enumerate(_entries(item, name), first):
            field = TEXT_FIELDS.get(str(entry.get("type")))
            text = entry.get(field) if field else None
            rest = {name: value for name, value in without_nones(entry).items() if name != field}
            yield Piece(
                offset=offset,
                kind=kind,
                text=text if isinstance(text, str) else "",
                kept={**kept, name: rest},
                is_refusal=field == "refusal",
            )
            kept = {"id": item["id"]} if item.get("id") is not None else {}
    if "item" in kept:
        yield Piece(offset=0, kind=kind, text="", kept=kept)


def _entries(item: Wire, name: str) -> list[Wire]:
    listed = item.get(name)
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def _emptied(item: Wire) -> Wire:
    """The item without its texts, but with the lists for them that it must have."""
    match item.get("type"):
        case "message":
            return {**item, "content": []}
        case "reasoning":
            return {**item, "summary": []}
        case _:
            return dict(item)
