"""JSON inside JSON."""

from typing import Any


def nested(depth: int) -> Any:
    """JSON of as many levels."""
    value: Any = "core"
    for _ in range(depth):
        value = {"shell": value}
    return value
