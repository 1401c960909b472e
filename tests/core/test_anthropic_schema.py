"""JSON schemas as Anthropic takes them for answers."""

from typing import Any

import pytest

from polaris_llm.core.providers.anthropic_schema import output_schema


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


def test_an_object_that_may_hold_anything_stays_one_that_the_api_refuses() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}

    assert output_schema(schema) == schema


def test_the_schema_itself_is_not_changed() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}

    output_schema(schema)

    assert schema == {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
