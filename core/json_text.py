"""Finds JSON in what a model wrote: fenced, bare, or in the middle of prose, in one pass over the text.

A document is read token by token by the grammar below, so no nesting is too deep to look through, and what breaks off at the end
of the text is told from what is broken. Only whole documents reach the decoder.
"""

import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from pydantic import JsonValue

from .canonical import MAX_DEPTH

_PLAIN = r'[^"\\\x00-\x1f]*+'
_TOKEN = re.compile(
    rf"""(?P<space>[ \t\n\r]*+)(?:
    (?P<mark>[\[\]{{}}:,])
    | (?P<open_string>"{_PLAIN}(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{{4}}){_PLAIN})*+)(?P<string>")?+
    | (?P<scalar>-?(?:Infinity|(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+)|NaN|true|false|null)
    )?+""",
    re.VERBOSE,
)
_LEFTOVER = re.compile(r"(?:\\(?:u[0-9a-fA-F]{0,3}+)?+|[\w.+-]*+)\s*+")
"""What a text may end with after its last whole token: a part of a literal or of an escape."""
_DONE = "done"
_VALUES: dict[str | None, str] = {"scalar": _DONE, "string": _DONE, "[": "first item", "{": "first key"}
_GRAMMAR: dict[str, dict[str | None, str]] = {
    "value": _VALUES,
    "first item": {**_VALUES, "]": _DONE},
    "items": {",": "value", "]": _DONE},
    "first key": {"string": "colon", "}": _DONE},
    "key": {"string": "colon"},
    "colon": {":": "value"},
    "members": {",": "key", "}": _DONE},
}
_AFTER_VALUE = {"[": "items", "{": "members"}
_START = re.compile(r"```+|\[|\{(?!\{)")
_BRACKET = re.compile(r"```+|[\[\]{}]")
_MEANT = re.compile(r"""\{\s*(?:["']|[\w$-]++\s*:|/[/*])|\[\s*["'{]""")
"""How a document begins, even a broken one. Other brackets are prose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonScan:
    """What JSON a text holds: its objects and arrays, outermost only; or the text itself, if it is any other JSON."""

    fenced: tuple[JsonValue, ...]
    """The documents inside ``` fences, which may be left open."""
    bare: tuple[JsonValue, ...]
    cut_off: bool
    """Whether the text ends in the middle of a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """How far a document could be read, and how its text ended."""

    end: int
    depth: int
    whole: bool = False
    cut_off: bool = False


def scan_json(text: str) -> JsonScan:
    """All JSON of the text."""
    return JsonScanner(text).scan()


def json_documents(text: str) -> Iterator[JsonValue]:
    """Every JSON object or array in the text, outermost only, those in fences first; or the text itself if it is any other JSON."""
    scan = scan_json(text)
    yield from (*scan.fenced, *scan.bare)


def first_object(text: str) -> dict[str, JsonValue] | None:
    """The first JSON object of the text, or None."""
    return next((document for document in json_documents(text) if isinstance(document, dict)), None)


def looks_cut_off(text: str) -> bool:
    """Whether the text ends in the middle of a JSON object or array."""
    return scan_json(text).cut_off


class JsonScanner:
    """One scan of one text; it goes forward only, so its work grows with the length of the text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def scan(self) -> JsonScan:
        """The documents of the text."""
        documents: dict[bool, list[JsonValue]] = {True: [], False: []}
        fenced, cut_off, position = False, False, 0
        while not cut_off and (start := self.look_for(_START, position)):
            position = start.end()
            if start[0].startswith("`"):
                fenced = not fenced
                continue
            reading = self._read(start.start())
            cut_off, position = reading.cut_off, reading.end
            if reading.whole and reading.depth <= MAX_DEPTH:
                documents[fenced] += _decoded(self.text[start.start() : reading.end])
        if "{" not in self.text and "[" not in self.text:
            documents[False] += _decoded(self.text)
        return JsonScan(fenced=tuple(documents[True]), bare=tuple(documents[False]), cut_off=cut_off)

    def look_at(self, pattern: re.Pattern[str], position: int) -> re.Match[str]:
        """What stands here, by a pattern that matches anything, if only as nothing."""
        found = pattern.match(self.text, position)
        assert found is not None
        return found

    def look_for(self, pattern: re.Pattern[str], position: int) -> re.Match[str] | None:
        """What comes next of a pattern."""
        return pattern.search(self.text, position)

    def _read(self, start: int) -> _Reading:
        opened: list[str] = []
        state, position, depth = "value", start, 0
        while True:
            token = self.look_at(_TOKEN, position)
            kind = token["mark"] or token.lastgroup
            following = _GRAMMAR[state].get(kind)
            if following is None:
                unfinished = kind == "open_string" and "string" in _GRAMMAR[state]
                return self._break_off(start, token.end() if unfinished else token.end("space"), depth)
            state, position = following, token.end()
            if kind in ("[", "{"):
                opened.append(kind)
                depth = max(depth, len(opened))
            elif kind in ("]", "}"):
                opened.pop()
            if not opened:
                return _Reading(end=position, depth=depth, whole=True)
            if state == _DONE:
                state = _AFTER_VALUE[opened[-1]]

    def _break_off(self, start: int, position: int, depth: int) -> _Reading:
        """Nothing inside a broken document is a document: the reading ends behind all of it, where that can be told."""
        if self.look_at(_LEFTOVER, position).end() == len(self.text):
            return _Reading(end=position, depth=depth, cut_off=True)
        end = self._partners.get(start, position) if _MEANT.match(self.text, start) else position
        return _Reading(end=max(position, end), depth=depth)

    @cached_property
    def _partners(self) -> dict[int, int]:
        """Where the bracket that closes each opening one ends, as far as brackets alone can tell, and never across a fence."""
        opened: dict[str, list[int]] = {"}": [], "]": []}
        ends = {}
        for bracket in _BRACKET.finditer(self.text):
            match bracket[0]:
                case "{":
                    opened["}"].append(bracket.start())
                case "[":
                    opened["]"].append(bracket.start())
                case "}" | "]" as closing if opened[closing]:
                    ends[opened[closing].pop()] = bracket.end()
                case "}" | "]":
                    pass
                case _:
                    opened = {"}": [], "]": []}
        return ends


def _decoded(document: str) -> Iterator[JsonValue]:
    with suppress(ValueError):  # not JSON, or numbers that no log can keep
        yield json.loads(document, parse_float=_finite, parse_constant=_finite)


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError(f"{literal} is no JSON number")
    return number
