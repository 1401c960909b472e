"""Canonical JSON: one spelling for equal values, so that keys, digests and logs agree between processes."""

import hashlib
import json
from collections.abc import Iterable
from typing import TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode

MAX_DEPTH = 200
"""Objects and arrays inside each other; parsers give up at some more."""


def canonical_json(value: object) -> str:
    """ASCII JSON, keys sorted, no white space; raises ValueError for NaN and infinities, TypeError for what JSON has not."""
    return _encode(value)


def to_json(adapter: TypeAdapter[T], value: T) -> str:
    """The canonical JSON of a value of the adapter's family."""
    return canonical_json(adapter.dump_python(value, mode="json"))


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def is_too_deep(value: object) -> bool:
    """Whether JSON values are nested deeper than MAX_DEPTH: not everybody could read them back."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [item for container in level for item in _items(container)]
        if not level:
            return False
    return True


def _items(value: object) -> Iterable[object]:
    match value:
        case dict():
            return value.values()
        case list():
            return value
        case _:
            return ()
