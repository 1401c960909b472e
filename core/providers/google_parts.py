"""Google's Gemini: how the parts of an answer, whole or in pieces, become deltas. No I/O.

Pieces of text belong together while they are of one kind and none has come with more than its text: what does, such as a signature,
ends the part.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator

from pydantic import JsonValue

from ..deltas import ReasoningDelta, StreamEvent, TextDelta, ToolCallDelta
from ..inference import ModelRequest
from .google_contents import UNREADABLE, WIRE
from .kept_data import keeping
from .tool_call_parts import unused_id, used_ids
from .wire_values import Wire

TextKind = type[TextDelta] | type[ReasoningDelta]


class PartDeltas:
    """The parts of one answer that is still arriving."""

    def __init__(self, request: ModelRequest) -> None:
        self._used_ids = used_ids(request)
        self._index = -1
        self._open: TextKind | None = None
        """What kind of text the last part is, when more of it may come."""
        self._chars: Counter[TextKind] = Counter()
        self._calls = 0

    @property
    def called(self) -> bool:
        """Whether the model has called a tool."""
        return self._calls > 0

    @property
    def arrived(self) -> str:
        """How much has come, in words."""
        return f"{self._chars[TextDelta]} characters of text, {self._chars[ReasoningDelta]} of reasoning, {self._calls} tool calls"

    def read(self, parts: Iterable[Wire]) -> Iterator[StreamEvent]:
        """The events of some parts."""
        for part in parts:
            if isinstance(part.get("functionCall"), dict):
                yield self._call(part)
            elif not isinstance(part.get("text"), str):
                yield TextDelta(text="", index=self._next(), provider_data={WIRE: {UNREADABLE: part}})
            elif part["text"] or _rest(part, _OF_A_TEXT):
                yield self._text(part)

    def _next(self) -> int:
        """The place of a part that nothing is added to."""
        self._open = None
        self._index += 1
        return self._index

    def _text(self, part: Wire) -> StreamEvent:
        text = part["text"]
        kept = _rest(part, _OF_A_TEXT)
        kind: TextKind = ReasoningDelta if part.get("thought") is True else TextDelta
        if self._open is not kind:
            self._next()
        self._open = None if kept else kind
        self._chars[kind] += len(text)
        return kind(text=text, index=self._index, provider_data=keeping(WIRE, kept))

    def _call(self, part: Wire) -> StreamEvent:
        call = part["functionCall"]
        self._calls += 1
        kept = _rest(part, _OF_A_CALL)
        if of_call := _rest(call, _SPOKEN):
            kept["functionCall"] = of_call
        arguments = call.get("args")
        return ToolCallDelta(
            index=self._next(),
            call_id=unused_id(call.get("id"), self._used_ids),
            name=call["name"] if isinstance(call.get("name"), str) else None,
            arguments="" if arguments is None else json.dumps(arguments),
            provider_data=keeping(WIRE, kept),
        )


def _rest(wire: Wire, read: frozenset[str]) -> dict[str, JsonValue]:
    """What a part of ours has no field for, and must go back with it."""
    return {name: wire[name] for name in sorted(wire.keys() - read) if wire[name] is not None}


_OF_A_TEXT = frozenset({"text", "thought"})
_OF_A_CALL = frozenset({"functionCall"})
_SPOKEN = frozenset({"name", "args"})
"""Fields of a functionCall that a ToolCallPart has fields for."""
