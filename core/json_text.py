"""Finds JSON in what a model wrote: fenced, bare, or in the middle of prose."""

import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress

from pydantic import JsonValue

MAX_DEPTH = 200
"""Levels of nesting that a document may have: the log can keep no more."""

_FENCE = re.compile(r"```[\w-]*+(.*?)```", re.DOTALL)
_PARTIAL_TOKEN = re.compile(r"[\w.+-]*\s*\Z")
_DECODER = json.JSONDecoder()
_MAX_STARTS = 256
"""Opening brackets tried in one text: a bound on work, not on what a model can sensibly mean."""


class _CutOff:
    """A document that the text ends in the middle of."""


def json_documents(text: str) -> Iterator[JsonValue]:
    """Every JSON object or array in the text, outermost only, those in fences first; or the text itself if it is any other JSON."""
    for piece in (*_FENCE.findall(text), text):
        for found in _scan(piece):
            if not isinstance(found, _CutOff) and _can_be_kept(found):
                yield found
    if _next_bracket(text, 0) < 0:
        yield from _scalar(text)


def first_object(text: str) -> dict[str, JsonValue] | None:
    """The first JSON object of the text, or None."""
    return next((document for document in json_documents(text) if isinstance(document, dict)), None)


def looks_cut_off(text: str) -> bool:
    """Whether the text ends in the middle of a JSON object or array."""
    return any(isinstance(found, _CutOff) for found in _scan(text))


def _scan(text: str) -> Iterator[JsonValue | _CutOff]:
    position = 0
    for _ in range(_MAX_STARTS):
        start = _next_bracket(text, position)
        if start < 0:
            return
        try:
            document, position = _DECODER.raw_decode(text, start)
        except json.JSONDecodeError as error:
            if _is_cut_off(error):
                yield _CutOff()
                return
            position = max(start + 1, error.pos)  # not back into it: what a broken document holds is not the document
        except (ValueError, RecursionError):  # a number too long or a nesting too deep to read
            return
        else:
            yield document


def _scalar(text: str) -> Iterator[JsonValue]:
    with suppress(ValueError):
        scalar = json.loads(text)
        if _can_be_kept(scalar):
            yield scalar


def _next_bracket(text: str, position: int) -> int:
    found = [at for at in (text.find("{", position), text.find("[", position)) if at >= 0]
    return min(found, default=-1)


def _is_cut_off(error: json.JSONDecodeError) -> bool:
    return error.msg.startswith("Unterminated string") or _PARTIAL_TOKEN.match(error.doc, error.pos) is not None


def _can_be_kept(document: JsonValue) -> bool:
    level = [document]
    for _ in range(MAX_DEPTH + 1):
        if any(isinstance(item, float) and not math.isfinite(item) for item in level):
            return False
        level = [child for item in level for child in _children(item)]
    return not level


def _children(item: JsonValue) -> list[JsonValue]:
    match item:
        case dict():
            return list(item.values())
        case list():
            return item
        case _:
            return []
