"""JSON schemas as Anthropic takes them for answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.providers.anthropic_schema import can_hold, output_schema
from support.model_strategies import JSON_OBJECTS
from support.nesting import nested

KEYWORDS = ["type", "properties", "items", "anyOf", "allOf", "oneOf", "$defs", "$ref", "enum", "additionalProperties", "format", "minItems"]


def test_every_object_is_closed_however_deep() -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    schema = {"type": "object", "properties": {"list": {"type": "array", "items": inner}}, "$defs": {"inner": inner}}

    wire = output_schema(schema)

    closed = {**inner, "additionalProperties": False}
    assert wire == {
        "type": "object",
        "properties": {"list": {"type": "array", "items": closed}},
        "$defs": {"inner": closed},
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("schema", "wire"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 9}, {"type": "integer", "description": "{minimum: 1, maximum: 9}"}),
        (
            {"type": "string", "description": "A name.", "pattern": "^[a-z]+$"},
            {"type": "string", "description": 'A name.\n\n{pattern: "^[a-z]+$"}'},
        ),
        ({"type": "string", "format": "email"}, {"type": "string", "format": "email"}),
        ({"type": "string", "format": "binary"}, {"type": "string", "description": '{format: "binary"}'}),
        ({"type": "array", "minItems": 1}, {"type": "array", "minItems": 1}),
        ({"type": "array", "minItems": 2}, {"type": "array", "description": "{minItems: 2}"}),
        ({"enum": ["a", 1, None]}, {"enum": ["a", 1, None]}),
        ({"const": "a"}, {"const": "a"}),
        ({"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}),
        ({"oneOf": [{"type": "null"}]}, {"anyOf": [{"type": "null"}]}),
        ({}, {}),
    ],
)
def test_what_the_api_cannot_see_to_is_said_in_words(schema: dict[str, Any], wire: dict[str, Any]) -> None:
    assert output_schema(schema) == wire


STRING = {"type": "string"}


@pytest.mark.parametrize(
    "schema",
    [
        STRING,
        {"type": "object", "properties": {"a": STRING}},
        {"type": "object", "properties": {"a": STRING}, "additionalProperties": True},
        {"type": "object", "additionalProperties": False},
        {"type": "array", "items": {"anyOf": [STRING, {"const": 1}]}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/b"}}, "b": {"enum": [None, 1.5]}}},
        {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": STRING}},
    ],
)
def test_a_schema_of_values_that_are_all_described_can_be_held_to(schema: dict[str, Any]) -> None:
    assert can_hold(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "additionalProperties": STRING},
        {"type": "object", "properties": {"a": STRING}, "additionalProperties": STRING},
        {"type": "array"},
        {"type": ["string", "null"]},
        {"enum": [{}]},
        {"allOf": [{"type": "object", "properties": {"a": STRING}}, {"type": "object", "properties": {"b": STRING}}]},
        {"$ref": "#"},
        {"$ref": "#/$defs/a"},
        {"$ref": "https://example.org/schema"},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}}},
    ],
)
def test_a_schema_that_leaves_values_open_or_goes_in_circles_cannot_be_held_to(schema: dict[str, Any]) -> None:
    assert not can_hold(schema)


@given(
    st.recursive(JSON_OBJECTS, lambda inner: st.dictionaries(st.sampled_from(KEYWORDS), inner | st.lists(inner, max_size=2), max_size=3))
)
def test_of_any_object_it_can_be_said(schema: dict[str, Any]) -> None:
    assert can_hold(schema) in (True, False)
    json.dumps(output_schema(schema))


def test_no_model_can_be_held_to_what_is_nested_too_deeply() -> None:
    assert not can_hold({"type": "object", "properties": nested(100_000)})


def test_the_schema_itself_is_not_changed() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}

    output_schema(schema)

    assert schema == {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
