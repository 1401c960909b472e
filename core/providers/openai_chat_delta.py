"""OpenAI's chat completions: how the pieces of a streamed message become deltas. No I/O.

Parts get the order that `openai_chat_reply.py` gives them: reasoning, text, refusal, tool calls.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import JsonValue

from ..deltas import ReasoningDelta, StreamEvent, TextDelta, ToolCallDelta
from ..inference import ModelRequest
from ..wire_json import without_halves
from .kept_data import keeping
from .openai_chat_beside import BesideText
from .openai_chat_reply import REASONING_FIELD, WIRE, extra_fields, spoken_of
from .tool_call_parts import unused_id, used_ids, written
from .whole_characters import WholeCharacters
from .wire_values import Wire, is_text, text_of

REASONING, CONTENT, REFUSAL, FIRST_CALL = range(4)
"""Places of the parts in the answer; further tool calls follow."""

_TEXT_ALONE = {"content"}
_ADDED_UP = frozenset({"text", "summary", "data"})
"""Fields of a reasoning detail whose pieces are joined; others are the same in every piece."""


@dataclass(slots=True, kw_only=True)
class _Call:
    """A tool call that is still arriving."""

    index: int
    wire_id: object
    named: bool = False
    kept: dict[str, JsonValue] = field(default_factory=dict)


class MessageDeltas:
    """One message that is still arriving."""

    def __init__(self, request: ModelRequest) -> None:
        self._chars: Counter[int] = Counter()
        self._characters = WholeCharacters()
        self._calls: list[_Call] = []
        self._by_wire_index: dict[int, _Call] = {}
        self._used_ids = used_ids(request)
        self._reasoning_field: str | None = None
        self._details: list[Wire] = []
        self._beside = BesideText()

    @property
    def called(self) -> bool:
        """Whether the model has called a tool."""
        return bool(self._calls)

    @property
    def refused(self) -> bool:
        """Whether the model has said that it will not answer."""
        return self._chars[REFUSAL] > 0

    @property
    def arrived(self) -> str:
        """How much has come, in words."""
        text = self._chars[CONTENT] + self._chars[REFUSAL]
        return f"{text} characters of text, {self._chars[REASONING]} of reasoning, {len(self._calls)} tool calls"

    def read(self, delta: Wire) -> Iterator[StreamEvent]:
        """The events of one piece."""
        if delta.keys() == _TEXT_ALONE:  # nearly all pieces are such
            yield from self._text(CONTENT, text_of(delta["content"]))
            return
        self._beside.add(delta)
        yield from self._reasoning(delta)
        for place, name in ((CONTENT, "content"), (REFUSAL, "refusal")):
            yield from self._text(place, text_of(delta.get(name)))
        for wire in _calls(delta):
            yield from self._call(wire)

    def finish(self) -> Iterator[StreamEvent]:
        """The events of what could only be told at the end."""
        for place, text in self._characters.rest():
            yield self._delta(place, text)
        texts = [place for place in (CONTENT, REFUSAL) if self._chars[place]]
        if texts and (kept := self._beside.kept):
            yield TextDelta(text="", index=texts[0], provider_data=keeping(WIRE, kept))
        if self._details:
            details: list[JsonValue] = [without_halves(detail) for detail in self._details]
            yield ReasoningDelta(text="", index=REASONING, provider_data={WIRE: {**self._reasoning_name(), "reasoning_details": details}})

    def _text(self, place: int, text: str) -> Iterator[StreamEvent]:
        whole = self._characters.joined(place, text)
        if whole:
            yield self._delta(place, whole)

    def _delta(self, place: int, text: str) -> StreamEvent:
        first = self._chars[place] == 0
        self._chars[place] += len(text)
        if place == REASONING:
            name = self._reasoning_name() if first else {}
            return ReasoningDelta(text=text, index=place, provider_data=keeping(WIRE, name))
        return TextDelta(text=text, index=place) if place < FIRST_CALL else ToolCallDelta(index=place, arguments=text)

    def _reasoning(self, delta: Wire) -> Iterator[StreamEvent]:
        details = delta.get("reasoning_details")
        for detail in details if isinstance(details, list) else ():
            _add_detail(self._details, detail)
        names = (self._reasoning_field,) if self._reasoning_field else (REASONING_FIELD, "reasoning")
        name = next((name for name in names if is_text(delta.get(name))), None)
        if name is not None:
            self._reasoning_field = name
            yield from self._text(REASONING, delta[name])

    def _reasoning_name(self) -> dict[str, JsonValue]:
        return {} if self._reasoning_field in (None, REASONING_FIELD) else {"field": self._reasoning_field}

    def _call(self, wire: Wire) -> Iterator[StreamEvent]:
        call = self._known(wire)
        call_id = None
        if call is None:
            call = self._begun(wire)
            call_id = unused_id(without_halves(wire.get("id")), self._used_ids)
        spoken = spoken_of(wire)
        extra = extra_fields(wire)
        call.kept |= without_halves(extra) if extra else {}
        delta = ToolCallDelta(
            index=call.index,
            call_id=call_id,
            name=None if call.named else without_halves(text_of(spoken.get("name"))) or None,
            arguments=self._characters.joined(call.index, written(spoken.get("arguments", spoken.get("input")))),
            provider_data={WIRE: dict(call.kept)} if extra else None,
        )
        call.named = call.named or delta.name is not None
        if delta != ToolCallDelta(index=call.index):
            yield delta

    def _known(self, wire: Wire) -> _Call | None:
        """The call that the piece goes on with. Some servers number all calls 0, or none: then a new id tells, or a new name."""
        wire_id, number = wire.get("id"), wire.get("index")
        numbered = isinstance(number, int)
        call = self._by_wire_index.get(number) if isinstance(number, int) else next(reversed(self._calls), None)
        if call is None or (not numbered and not is_text(wire_id) and call.named and _is_named(wire)):
            return None
        renamed = is_text(wire_id) and wire_id != call.wire_id and (is_text(call.wire_id) or not numbered)
        return None if renamed else call

    def _begun(self, wire: Wire) -> _Call:
        call = _Call(index=FIRST_CALL + len(self._calls), wire_id=wire.get("id"))
        self._calls.append(call)
        number = wire.get("index")
        if isinstance(number, int):
            self._by_wire_index[number] = call
        return call


def _calls(delta: Wire) -> Iterator[Wire]:
    listed = delta.get("tool_calls")
    if isinstance(listed, list) and listed:
        yield from (wire for wire in listed if isinstance(wire, dict))
    elif isinstance(delta.get("function_call"), dict):
        yield {"index": 0, "function": delta["function_call"]}


def _is_named(wire: Wire) -> bool:
    return is_text(spoken_of(wire).get("name"))


def _add_detail(details: list[Wire], piece: object) -> None:
    """Join a piece to the detail it belongs to, by type and index (https://openrouter.ai/docs/use-cases/reasoning-tokens)."""
    if not isinstance(piece, dict):
        return
    same = (detail for detail in details if all(detail.get(name) == piece.get(name) for name in ("type", "index")))
    known = next(same, None) if "index" in piece else None
    if known is None:
        details.append(dict(piece))
        return
    for name, value in piece.items():
        joined = name in _ADDED_UP and isinstance(value, str) and isinstance(known.get(name), str)
        if value is not None:
            known[name] = known[name] + value if joined else value
