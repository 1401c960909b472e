"""What is found in the JSON of a wire, read without trust in the server that wrote it. For all codecs."""

from typing import Any, TypeGuard

from pydantic import JsonValue

from ..pricing import SERVICE_TIER

Wire = dict[str, Any]  # JSON of the wire


def is_text(value: object) -> TypeGuard[str]:
    """Whether a field holds any text."""
    return isinstance(value, str) and value != ""


def text_of(content: object) -> str:
    """The text of a content field, which may be a list of blocks; empty when there is none."""
    match content:
        case str():
            return content
        case list():
            return "".join(text_of(block.get("text")) for block in content if isinstance(block, dict))
        case _:
            return ""


def count_of(report: object, name: str) -> int:
    """A count in a report that may be missing or incomplete; 0 when it tells of none."""
    value = report.get(name) if isinstance(report, dict) else None
    return max(0, int(value)) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def tier_told(report: object, name: str = "service_tier") -> dict[str, JsonValue]:
    """What metadata tells of the service tier that answered, where a report does under this name."""
    tier = report.get(name) if isinstance(report, dict) else None
    return {SERVICE_TIER: tier} if is_text(tier) else {}


def without_nones(wire: Wire) -> Wire:
    """The fields that have a value."""
    return {name: value for name, value in wire.items() if value is not None}
