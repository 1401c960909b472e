"""The events of a stream as the server sent them, for who wants to see them. No I/O."""

from pydantic import JsonValue

from ..wire_json import json_value

MAX_RAW_CHARS = 1024 * 1024
"""Of the events of one stream; those behind are counted."""


class RawEvents:
    """The events of one stream."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._room = MAX_RAW_CHARS
        self._left_out = 0

    def add(self, data: str) -> None:
        """Keep the JSON of the next event, as long as there is room."""
        if self._left_out or len(data) > self._room:
            self._left_out += 1
        else:
            self._room -= len(data)
            self._kept.append(data)

    def told(self) -> dict[str, JsonValue]:
        """What the answer's metadata tells of them."""
        left_out = {"raw_events_left_out": self._left_out} if self._left_out else {}
        return {"raw_response": [json_value(data) for data in self._kept], **left_out}
