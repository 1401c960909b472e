"""Which JSON schemas OpenAI can hold a model to. No I/O.

Source: https://platform.openai.com/docs/guides/structured-outputs, "Supported schemas". A schema that is claimed to be strict and is not
is refused; so what is not known to be supported is not claimed.
"""

from collections.abc import Mapping
from typing import Any

_KNOWN = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "$ref", "$defs", "title", "description"}
)
_MAX_DEPTH = 5
"""Levels of nesting that every model takes."""


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether the schema is of an object with a fixed set of members, and the same all the way down."""
    return schema.get("type") == "object" and "anyOf" not in schema and _is_strict(schema, 0)


def _is_strict(schema: object, depth: int) -> bool:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH or not _KNOWN.issuperset(schema):
        return False
    if schema.keys().isdisjoint({"type", "anyOf", "$ref", "enum", "const"}) or not _is_closed(schema):
        return False
    lists = (schema.get("anyOf", []), [schema["items"]] if "items" in schema else [])
    maps = (schema.get("properties", {}), schema.get("$defs", {}))
    inner = [each for many in lists for each in many] + [each for many in maps for each in many.values()]
    return all(_is_strict(each, depth + 1) for each in inner)


def _is_closed(schema: Mapping[str, Any]) -> bool:
    if "object" not in _types(schema):
        return True
    return schema.get("additionalProperties") is False and set(schema.get("required", ())) == set(schema.get("properties", ()))


def _types(schema: Mapping[str, Any]) -> list[object]:
    named = schema.get("type")
    return named if isinstance(named, list) else [named]
