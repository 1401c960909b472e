"""Anthropic's messages: how the pieces of a streamed message's blocks become deltas. No I/O.

A block makes the part that `anthropic_reply.py` makes of it when it comes whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..deltas import ReasoningDelta, StreamEvent, TextDelta, ToolCallDelta
from ..inference import ModelRequest
from ..wire_json import arguments_of, without_halves
from .anthropic_messages import WIRE
from .anthropic_reply import rest_of, signature_of
from .tool_call_parts import unused_id, used_ids, written
from .whole_characters import WholeCharacters
from .wire_values import Wire, text_of, without_nones

_IMPLIED = {
    "text_delta": "text",
    "citations_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
}
"""The type of a block that a server forgot to begin, by its first delta."""


@dataclass(slots=True, kw_only=True)
class _Block:
    """A block that is still arriving."""

    index: int
    wire: Wire
    citations: list[object] = field(default_factory=list)
    written: str = ""
    """The input of a tool call, so far."""

    @property
    def type(self) -> str:
        return text_of(self.wire.get("type"))


class BlockDeltas:
    """The blocks of one message that is still arriving."""

    def __init__(self, request: ModelRequest) -> None:
        self._used_ids = used_ids(request)
        self._characters = WholeCharacters()
        self._open: dict[int | None, _Block] = {}
        self._begun = 0
        self._calls = 0
        self._text_chars = 0
        self._reasoning_chars = 0

    @property
    def called(self) -> bool:
        """Whether the model has called a tool."""
        return self._calls > 0

    @property
    def arrived(self) -> str:
        """How much has come, in words."""
        return f"{self._text_chars} characters of text, {self._reasoning_chars} of reasoning, {self._calls} tool calls"

    def read(self, kind: str, payload: Wire) -> Iterator[StreamEvent]:
        """The deltas of one event; of one that is about no block, none."""
        number = payload.get("index")
        index = number if isinstance(number, int) else None
        match kind, payload:
            case "content_block_start", {"content_block": dict(wire)}:
                yield from self._begin(index, wire)
            case "content_block_delta", {"delta": dict(delta)}:
                yield from self._go_on(index, delta)
            case "content_block_stop", _:
                yield from self._end(index)

    def finish(self) -> Iterator[StreamEvent]:
        """The deltas of blocks that the server forgot to end."""
        for index in tuple(self._open):
            yield from self._end(index)

    def _begin(self, index: int | None, wire: Wire) -> Iterator[StreamEvent]:
        yield from self._end(index)
        block = self._open[index] = _Block(index=self._begun, wire=wire)
        self._begun += 1
        match block.type:
            case "text":
                yield from self._text(block, text_of(wire.get("text")))
            case "thinking":
                text = text_of(wire.get("thinking"))
                self._reasoning_chars += len(text)
                yield ReasoningDelta(text=text, signature=signature_of(wire), index=block.index, provider_data=rest_of(wire))
            case "tool_use":
                self._calls += 1
                call_id, name = unused_id(wire.get("id"), self._used_ids), text_of(wire.get("name"))
                yield ToolCallDelta(index=block.index, call_id=call_id, name=name, provider_data=rest_of(wire))

    def _go_on(self, index: int | None, delta: Wire) -> Iterator[StreamEvent]:
        kind = text_of(delta.get("type"))
        if index not in self._open and kind in _IMPLIED:
            yield from self._begin(index, {"type": _IMPLIED[kind]})
        block = self._open.get(index)
        if block is None:
            return
        match delta:
            case {"type": "text_delta"}:
                yield from self._text(block, self._characters.joined(block.index, text_of(delta.get("text"))))
            case {"type": "thinking_delta"}:
                yield from self._thought(block, self._characters.joined(block.index, text_of(delta.get("thinking"))))
            case {"type": "signature_delta", "signature": str(signature)}:
                yield ReasoningDelta(text="", signature=without_halves(signature), index=block.index)
            case {"type": "input_json_delta", "partial_json": str(piece)}:
                yield from self._input(block, self._characters.joined(block.index, piece))
            case {"type": "citations_delta", "citation": citation}:
                block.citations.append(without_halves(citation))
            case {"type": "compaction_delta", **whole}:
                block.wire |= without_halves(without_nones(whole))

    def _text(self, block: _Block, said: str) -> Iterator[StreamEvent]:
        self._text_chars += len(said)
        if said:
            yield TextDelta(text=said, index=block.index)

    def _thought(self, block: _Block, said: str) -> Iterator[StreamEvent]:
        self._reasoning_chars += len(said)
        if said:
            yield ReasoningDelta(text=said, index=block.index)

    def _input(self, block: _Block, piece: str) -> Iterator[StreamEvent]:
        block.written += piece
        if piece and block.type == "tool_use":
            yield ToolCallDelta(index=block.index, arguments=piece)

    def _end(self, index: int | None) -> Iterator[StreamEvent]:
        block = self._open.pop(index, None)
        if block is None:
            return
        left = self._characters.left(block.index)
        match block.type:
            case "text":
                yield from self._text(block, left)
            case "thinking":
                yield from self._thought(block, left)
            case _:
                yield from self._input(block, left)
        yield from _rest(block)


def _rest(block: _Block) -> Iterator[StreamEvent]:
    """The deltas of what could only be told at the block's end."""
    match block.type:
        case "text":
            kept = rest_of({**block.wire, "citations": block.citations} if block.citations else block.wire)
            if kept:
                yield TextDelta(text="", index=block.index, provider_data=kept)
        case "tool_use":
            raw = block.wire.get("input")
            if raw and not block.written:
                yield ToolCallDelta(index=block.index, arguments=written(raw))
        case "thinking" | "":
            return
        case _:
            told = {"input": arguments_of(block.written)} if block.written else {}
            yield ReasoningDelta(text="", index=block.index, provider_data={WIRE: {**block.wire, **told}})
