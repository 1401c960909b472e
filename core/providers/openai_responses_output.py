"""OpenAI's responses: the output of an answer as deltas, whole or while it is still arriving. No I/O."""

from collections.abc import Iterable, Iterator
from typing import Literal

from ..deltas import ReasoningDelta, StreamEvent, TextDelta, ToolCallDelta
from ..inference import ModelRequest
from ..parts import ProviderData
from .kept_data import keeping
from .openai_responses_items import CONTENT_OFFSET, WIRE, Piece, pieces
from .tool_call_parts import unused_id, used_ids
from .whole_characters import WholeCharacters
from .wire_values import Wire, is_text

PLACES_PER_ITEM = 1 << 16
"""The place of a part in the answer is its item's number times this, and its offset in the item."""

Kind = Literal["text", "reasoning", "call"]

_GROWING: dict[str, tuple[Kind, str, int]] = {
    "response.output_text.delta": ("text", "content_index", 0),
    "response.refusal.delta": ("text", "content_index", 0),
    "response.reasoning_summary_text.delta": ("reasoning", "summary_index", 0),
    "response.reasoning_text.delta": ("reasoning", "content_index", CONTENT_OFFSET),
    "response.function_call_arguments.delta": ("call", "", 0),
}
"""Events that bring more of a part: its kind, the field that tells which of its item it is, and the first one's offset."""


class OutputDeltas:
    """One output in the making. Some servers number no items, and name them by ids or not at all: then the last one goes on."""

    def __init__(self, request: ModelRequest) -> None:
        self._used_ids = used_ids(request)
        self._numbers: dict[str, int] = {}
        self._last = -1
        self._settled: set[int] = set()
        self._sent: dict[int, int] = {}
        self._texts = WholeCharacters()
        self._kinds: dict[int, Kind] = {}
        self._calls: dict[int, bool] = {}
        self._chars: dict[Kind, int] = {"text": 0, "reasoning": 0, "call": 0}
        self.refused = False
        """Whether the model has said that it will not answer."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing has come yet."""
        return not self._sent and not self._calls

    @property
    def called(self) -> bool:
        """Whether the model has called a tool."""
        return bool(self._calls)

    @property
    def arrived(self) -> str:
        """How much has come, in words."""
        return f"{self._chars['text']} characters of text, {self._chars['reasoning']} of reasoning, {len(self._calls)} tool calls"

    def read(self, wire: Wire) -> Iterable[StreamEvent]:
        """The deltas of one event; none for an event that only repeats what others say."""
        event = wire.get("type")
        if event in _GROWING:
            self.refused = self.refused or event == "response.refusal.delta"
            return self._grown(*_GROWING[event], wire)
        item = wire.get("item")
        if isinstance(item, dict) and event == "response.output_item.added":
            return self._begun(self._number(wire, item, may_begin=True), item)
        if isinstance(item, dict) and event == "response.output_item.done":
            return self.settle(self._number(wire, item, may_begin=self._is_between_items), item)
        return ()

    def settle(self, number: int, item: Wire) -> Iterator[StreamEvent]:
        """What is still missing of an item that is whole; nothing when it has been settled before."""
        if number in self._settled:
            return
        self._settled.add(number)
        self._last = number
        for piece in pieces(item):
            self.refused = self.refused or piece.is_refusal
            yield from self._settle(number * PLACES_PER_ITEM + piece.offset, piece, item)

    def finish(self) -> Iterator[StreamEvent]:
        """The halves of characters that no other half came for."""
        for place, half in self._texts.rest():
            yield self._delta(self._kinds[place], place, half)

    def _begun(self, number: int, item: Wire) -> tuple[StreamEvent, ...]:
        return (self._call(number * PLACES_PER_ITEM, item),) if item.get("type") == "function_call" else ()

    def _grown(self, kind: Kind, index: str, first: int, wire: Wire) -> tuple[StreamEvent, ...]:
        number = wire.get("output_index")
        if not isinstance(number, int):
            number = self._number(wire, {}, may_begin=self._is_between_items)
        offset, text = wire.get(index, 0), wire.get("delta")
        place = number * PLACES_PER_ITEM + first + (offset if isinstance(offset, int) else 0)
        self._kinds[place] = kind
        whole = self._texts.joined(place, text) if is_text(text) else ""
        return (self._delta(kind, place, whole),) if whole else ()

    def _settle(self, place: int, piece: Piece, item: Wire) -> Iterator[StreamEvent]:
        self._texts.left(place)  # the whole text has it
        rest = piece.text[self._sent.get(place, 0) :]
        data = keeping(WIRE, piece.kept)
        if piece.kind != "call":
            if rest or data or place not in self._sent:
                yield self._delta(piece.kind, place, rest, data)
        elif rest or data or not self._calls.get(place):
            yield self._call(place, item, rest, data)

    def _call(self, place: int, item: Wire, arguments: str = "", data: ProviderData | None = None) -> ToolCallDelta:
        """The call's id and name are told once, as soon as they are known."""
        name = item.get("name")
        call_id = None if place in self._calls else unused_id(item.get("call_id") or item.get("id"), self._used_ids)
        told = name if is_text(name) and not self._calls.get(place) else None
        self._calls[place] = self._calls.get(place, False) or told is not None
        self._sent[place] = self._sent.get(place, 0) + len(arguments)
        return ToolCallDelta(index=place, call_id=call_id, name=told, arguments=arguments, provider_data=data)

    def _delta(self, kind: Kind, place: int, text: str, data: ProviderData | None = None) -> StreamEvent:
        self._sent[place] = self._sent.get(place, 0) + len(text)
        self._chars[kind] += len(text)
        match kind:
            case "text":
                return TextDelta(text=text, index=place, provider_data=data)
            case "reasoning":
                return ReasoningDelta(text=text, index=place, provider_data=data)
            case "call":
                return ToolCallDelta(index=place, arguments=text, provider_data=data)

    @property
    def _is_between_items(self) -> bool:
        return self._last < 0 or self._last in self._settled

    def _number(self, wire: Wire, item: Wire, *, may_begin: bool) -> int:
        """The number of the item that an event is about."""
        names = [name for name in (wire.get("item_id"), item.get("id"), item.get("call_id")) if is_text(name)]
        number = wire.get("output_index")
        if not isinstance(number, int):
            known = next((self._numbers[name] for name in names if name in self._numbers), None)
            number = known if known is not None else self._last + 1 if may_begin else self._last
        self._numbers.update(dict.fromkeys(names, number))
        self._last = max(self._last, number)
        return number
