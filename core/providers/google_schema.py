"""JSON schemas as Gemini understands them: a part of the keywords, and what the rest say in words. No I/O.

Source: https://ai.google.dev/api/generate-content#GenerationConfig, under responseJsonSchema; parametersJsonSchema takes the same.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..canonical import MAX_DEPTH, is_too_deep
from ..exceptions import LLMConfigurationError

Schema = dict[str, Any]  # a JSON schema

_ONE = ("items", "additionalProperties")
_LISTS = ("prefixItems", "anyOf", "oneOf")
_MAPS = ("properties", "$defs")
_PLAIN = frozenset(
    {"$id", "$ref", "$anchor", "type", "format", "title", "description", "required", "propertyOrdering"}
    | {"minItems", "maxItems", "minimum", "maximum"}
)
_MUTE = frozenset({"$schema", "$comment"})
"""Words of JSON schema that say nothing of the values."""


def wire_schema(schema: Mapping[str, Any]) -> Schema:  # a JSON schema
    """The schema in Gemini's keywords; what these cannot say stands in the description of the part that it is said of.

    Raises LLMConfigurationError for one that is nested too deeply to be walked through.
    """
    if is_too_deep(schema):
        message = f"a tool's or an answer's JSON schema is nested deeper than {MAX_DEPTH} levels: make it flatter"
        raise LLMConfigurationError(message, config_key="schema")
    known: Schema = _schema(_with_defs(schema))
    return known


def _with_defs(schema: Mapping[str, Any]) -> Schema:  # a JSON schema
    """The schema with its definitions where the newer drafts have them."""
    if "definitions" not in schema:
        return dict(schema)
    rest = {name: value for name, value in schema.items() if name != "definitions"}
    moved = {**rest, "$defs": {**schema["definitions"], **schema.get("$defs", {})}}
    renamed: Schema = _everywhere(moved, lambda reference: reference.replace("#/definitions/", "#/$defs/", 1))
    return renamed


def _everywhere(value: Any, rename: Callable[[str], str]) -> Any:  # any JSON
    match value:
        case dict():
            named = {name: _everywhere(item, rename) for name, item in value.items()}
            return named | {"$ref": rename(value["$ref"])} if isinstance(value.get("$ref"), str) else named
        case list():
            return [_everywhere(item, rename) for item in value]
        case _:
            return value


def _schema(schema: Any) -> Any:  # a JSON schema, or what was meant as one
    if schema is True:
        return {}
    if schema is False:
        return {"description": _said({"not": {}})}
    if not isinstance(schema, dict):
        return schema
    spoken, unspoken = _sorted(_in_known_words(schema))
    if unspoken:
        spoken["description"] = "\n".join(filter(None, (spoken.get("description"), _said(unspoken))))
    return _alone(spoken)


def _sorted(schema: Schema) -> tuple[Schema, Schema]:
    """What Gemini has a keyword for, and what it has none for."""
    spoken: Schema = {}
    unspoken: Schema = {}
    for name, value in schema.items():
        if _has_keyword(name, value) and not (name == "anyOf" and "$ref" in schema):  # that place is the reference's
            spoken[name] = _inside(name, value)
        elif name not in _MUTE:
            unspoken[name] = value
    return spoken, unspoken


def _has_keyword(name: str, value: Any) -> bool:  # whatever stands there
    if name in _LISTS:
        return isinstance(value, list)
    if name in _MAPS:
        return isinstance(value, dict)
    return name in _ONE or name in _PLAIN or (name == "enum" and _is_plain(value))


def _inside(name: str, value: Any) -> Any:  # whatever stands there
    if name in _LISTS:
        return [_schema(item) for item in value]
    if name in _MAPS:
        return {each: _schema(item) for each, item in value.items()}
    return _schema(value) if name in _ONE and not isinstance(value, bool) else value


def _in_known_words(schema: Schema) -> Schema:
    """The schema without keywords that others can say as well."""
    known = dict(schema)
    match known.get("allOf"):
        case [dict() as only] if not only.keys() & (known.keys() - {"allOf"}):
            known = {name: value for name, value in known.items() if name != "allOf"} | only
    if "const" in known and "enum" not in known:
        known["enum"] = [known.pop("const")]
    if known.get("type") == "integer":
        for name, inclusive, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
            if inclusive not in known and isinstance(known.get(name), int):
                known[inclusive] = known.pop(name) + step
    return known


def _is_plain(values: Any) -> bool:  # an enum's values
    return isinstance(values, list) and all(isinstance(value, str | int | float) and not isinstance(value, bool) for value in values)


def _alone(schema: Schema) -> Schema:
    """A reference may have nothing beside it but other words that begin with $."""
    if "$ref" not in schema or all(name.startswith("$") for name in schema):
        return schema
    rest = {name: value for name, value in schema.items() if name != "$ref"}
    return rest | {"anyOf": [{"$ref": schema["$ref"]}]}


def _said(keywords: Schema) -> str:
    return f"JSON schema: {json.dumps(keywords, ensure_ascii=False)}"
