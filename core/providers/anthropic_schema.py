"""Anthropic's messages: a JSON schema as the API takes it for an answer that must satisfy it. No I/O.

Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs, "JSON Schema limitations". The API refuses keywords that
it cannot see to; they are said in the description instead, and whoever asked checks the answer by the schema itself.
"""

import json
from typing import Any

Schema = dict[str, Any]  # a JSON schema

_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_ANYWHERE = frozenset({"type", "anyOf", "allOf", "enum", "const", "description", "title", "$defs", "$ref"})
_BY_TYPE = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems"}),
    "string": frozenset({"format"}),
}


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
