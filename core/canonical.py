"""Canonical JSON: one spelling for equal values, so that keys, digests and logs agree between processes."""

import hashlib
import json
from typing import TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


def canonical_json(value: object) -> str:
    """ASCII JSON, keys sorted, no white space; raises ValueError for NaN and infinities, TypeError for what JSON has not."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def to_json(adapter: TypeAdapter[T], value: T) -> str:
    """The canonical JSON of a value of the adapter's family."""
    return canonical_json(adapter.dump_python(value, mode="json"))


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
