"""Server-sent events out of bytes, however they are cut into chunks. No I/O.

Source: WHATWG HTML, "Server-sent events", 9.2.5 and 9.2.6, https://html.spec.whatwg.org/multipage/server-sent-events.html.
`id` and `retry` are for clients that reconnect, which an answer in the making does not allow: they are passed over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_EVENT_BYTES = 8 * 1024 * 1024

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One event of a stream."""

    data: str
    event: str = "message"


class SseDecoder:
    """Decodes one stream. Lines end in bytes that are part of no character, so only whole lines are turned into text."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._line: list[bytes] = []
        self._size = 0
        self._data: list[str] = []
        self._event = ""
        self._at_start = True
        self._after_return = False

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """The events that end in this chunk; raises ValueError when one is larger than `max_event_bytes`."""
        if self._after_return and chunk:  # a line feed that comes now belongs to the line end before it
            chunk, self._after_return = chunk.removeprefix(b"\n"), False
        if not chunk:
            return
        self._after_return = chunk.endswith(b"\r")
        *ended, rest = _LINE_END.split(chunk) if b"\r" in chunk else chunk.split(b"\n")
        for piece in ended:
            self._grow(piece)
            line = self._line_with(piece) if self._line or self._at_start else piece
            if line:
                self._take(line)
            elif event := self._dispatched():
                yield event
        if rest:
            self._grow(rest)
            self._line.append(rest)

    def _grow(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max_event_bytes:
            raise ValueError(f"a server-sent event is larger than max_event_bytes={self._max_event_bytes}")

    def _line_with(self, piece: bytes) -> bytes:
        line, self._line = b"".join((*self._line, piece)), []
        if self._at_start:
            line, self._at_start = line.removeprefix(_BYTE_ORDER_MARK), False
        return line

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(_text(value))
        elif name == b"event":
            self._event = _text(value)
        else:  # a comment, or a field that says nothing here
            self._size -= len(line)

    def _dispatched(self) -> ServerSentEvent | None:
        data, event = self._data, self._event
        self._data, self._event, self._size = [], "", 0
        return ServerSentEvent(data="\n".join(data), event=event or "message") if data else None


def _text(value: bytes) -> str:
    return value.removeprefix(b" ").decode("utf-8", "replace")
