"""The frames between a worker and its child processes: a length, then JSON, so that neither side unpickles what the other wrote."""

import json
import struct
from typing import Any

LENGTH = struct.Struct(">Q")

Record = dict[str, Any]  # JSON


def to_frame(record: Record) -> bytes:
    """The record as it goes over a pipe; raises TypeError for what JSON does not have."""
    body = json.dumps(record).encode("ascii")
    return LENGTH.pack(len(body)) + body


def length_of(header: bytes) -> int:
    """The number of bytes that follow a header of LENGTH.size bytes."""
    length: int = LENGTH.unpack(header)[0]
    return length


def from_body(body: bytes) -> Record:
    """The record of a frame's body."""
    record: Record = json.loads(body)
    return record
