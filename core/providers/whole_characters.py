"""Texts that come in pieces, given on in whole characters. For all codecs.

Programs whose strings are UTF-16 cut in the middle of characters, and write each half as an escape of its own.
"""

import re
from collections.abc import Iterator

from ..wire_json import without_halves

_HALF = re.compile("[\ud800-\udfff]")


class WholeCharacters:
    """The texts of one answer, each at its place."""

    def __init__(self) -> None:
        self._halves: dict[int, str] = {}

    def joined(self, place: int, piece: str) -> str:
        """The piece with what was held back before it, without what must be held back: half a character, until the other comes."""
        text = self._halves.pop(place, "") + piece if self._halves else piece
        if text.isascii() or _HALF.search(text) is None:
            return text
        if "\ud800" <= text[-1] <= "\udbff":
            self._halves[place], text = text[-1], text[:-1]
        whole: str = without_halves(text)
        return whole

    def left(self, place: int) -> str:
        """A question mark for a half that is held back there, when no other half can come; else nothing."""
        return "?" if self._halves.pop(place, "") else ""

    def rest(self) -> Iterator[tuple[int, str]]:
        """What is left at each place."""
        for place in tuple(self._halves):
            yield place, self.left(place)
