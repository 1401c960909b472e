"""Anthropic's messages: a JSON schema as the API takes it for an answer that must satisfy it. No I/O.

Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs, "JSON Schema limitations". The API refuses keywords that
it cannot see to; they are said in the description instead, and whoever asked checks the answer by the schema itself. Values that may be
anything, and schemas that go in circles, have no such form: `can_hold` tells.
"""

import json
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ..canonical import is_too_deep

Schema = dict[str, Any]  # a JSON schema

_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_ANYWHERE = frozenset({"type", "anyOf", "allOf", "enum", "const", "description", "title", "$defs", "$ref"})
_BY_TYPE = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems"}),
    "string": frozenset({"format"}),
}


_DEFINITIONS = "#/$defs/"


def can_hold(schema: Schema) -> bool:
    """Whether a model can be held to the schema without forbidding what the schema allows, further members of objects aside."""
    definitions = schema.get("$defs", {})
    if is_too_deep(schema) or not isinstance(definitions, dict) or not all(map(_is_held, (schema, *definitions.values()))):
        return False
    references = {name: set(_references(each)) for name, each in definitions.items()}
    try:
        TopologicalSorter(references).prepare()
    except CycleError:
        return False
    return definitions.keys() >= {*_references(schema), *(name for names in references.values() for name in names)}


def _is_held(schema: object) -> bool:
    if not isinstance(schema, dict):
        return False
    match schema:
        case {"$ref": reference}:
            return isinstance(reference, str) and reference.startswith(_DEFINITIONS)
        case {"enum": list(values)}:
            return all(isinstance(value, str | int | float | bool | None) for value in values)
        case {"const": value}:
            return isinstance(value, str | int | float | bool | None)
        case {"allOf": list(parts)} if len(parts) > 1:
            return False  # closed objects have nothing in common
        case {"anyOf": list(variants)} | {"oneOf": list(variants)} | {"allOf": list(variants)}:
            return all(map(_is_held, variants))
        case {"type": "object"}:
            return _is_held_object(schema)
        case {"type": "array"}:
            return _is_held(schema.get("items"))
        case _:
            return schema.get("type") in ("string", "integer", "number", "boolean", "null")


def _is_held_object(schema: Schema) -> bool:
    members, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    if not isinstance(members, dict) or not isinstance(others, bool):
        return False
    return bool(members or not others) and all(map(_is_held, members.values()))


def _references(schema: object) -> Iterator[str]:
    """The names of the definitions that a schema refers to, those of its own definitions aside."""
    match schema:
        case {"$ref": str(reference)}:
            yield reference.removeprefix(_DEFINITIONS)
        case dict():
            for name, value in schema.items():
                if name not in ("$defs", "enum", "const"):
                    yield from _references(value)
        case list():
            for value in schema:
                yield from _references(value)


def output_schema(schema: Schema) -> Schema:
    """The schema with every object closed, and with what the API cannot see to in words."""
    wire = {name: value for name, value in schema.items() if _is_known(name, value, schema)}
    if "oneOf" in schema and "anyOf" not in schema:
        wire["anyOf"] = schema["oneOf"]
    for name in ("anyOf", "allOf"):
        if isinstance(wire.get(name), list):
            wire[name] = [_inner(each) for each in wire[name]]
    for name in ("properties", "$defs"):
        if isinstance(wire.get(name), dict):
            wire[name] = {key: _inner(each) for key, each in wire[name].items()}
    if "items" in wire:
        wire["items"] = _inner(wire["items"])
    if schema.get("type") == "object" and not isinstance(schema.get("additionalProperties"), dict):
        wire = {**wire, "properties": wire.get("properties", {}), "additionalProperties": False}
    return _with_notes(wire, {name: value for name, value in schema.items() if name not in wire and name != "oneOf"})


def _is_known(name: str, value: object, schema: Schema) -> bool:
    if name == "format":
        return schema.get("type") == "string" and isinstance(value, str) and value in _FORMATS
    if name == "minItems":
        return schema.get("type") == "array" and value in (0, 1)
    return name in _ANYWHERE or name in _BY_TYPE.get(str(schema.get("type")), ())


def _inner(schema: object) -> object:
    return output_schema(schema) if isinstance(schema, dict) else schema


def _with_notes(wire: Schema, unseen: Schema) -> Schema:
    if not unseen:
        return wire
    notes = ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False, default=str)}" for name, value in unseen.items())
    said = [wire["description"]] if wire.get("description") else []
    return {**wire, "description": "\n\n".join([*said, f"{{{notes}}}"])}
