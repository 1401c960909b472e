"""JSON schemas in the keywords that Gemini knows: nothing is lost silently, and nothing is forbidden that was allowed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from polaris_llm.core.providers.google_schema import wire_schema
from support.model_strategies import JSON_VALUES, NAMES

KNOWN = {
    "$id",
    "$defs",
    "$ref",
    "$anchor",
    "type",
    "format",
    "title",
    "description",
    "enum",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
} | {"minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required", "propertyOrdering"}
"""As https://ai.google.dev/api/generate-content lists them under responseJsonSchema."""


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": ["string", "null"], "format": "date", "title": "Day", "description": "When."},
        {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}, "required": ["a"], "additionalProperties": False},
        {"type": "array", "items": {"enum": ["x", 1]}, "prefixItems": [{"type": "number"}], "minItems": 1, "maxItems": 3},
        {"$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}}}, "$ref": "#/$defs/node"},
        {"anyOf": [{"type": "string"}, {"oneOf": [{"type": "null"}]}], "additionalProperties": {"type": "string"}},
    ],
)
def test_what_gemini_knows_passes_unchanged(schema: dict[str, Any]) -> None:
    assert wire_schema(schema) == schema


@pytest.mark.parametrize(
    ("schema", "wire"),
    [
        ({"const": "a"}, {"enum": ["a"]}),
        ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10}, {"type": "integer", "minimum": 1, "maximum": 9}),
        ({"allOf": [{"type": "string"}], "title": "A"}, {"type": "string", "title": "A"}),
        ({"items": True, "properties": {"a": True}}, {"items": True, "properties": {"a": {}}}),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": "By us.", "type": "string"}, {"type": "string"}),
        (
            {"definitions": {"a": {"const": "x"}}, "properties": {"a": {"$ref": "#/definitions/a"}}},
            {"$defs": {"a": {"enum": ["x"]}}, "properties": {"a": {"$ref": "#/$defs/a"}}},
        ),
    ],
)
def test_what_other_keywords_say_as_well_is_said_by_those(schema: dict[str, Any], wire: dict[str, Any]) -> None:
    assert wire_schema(schema) == wire


def test_what_no_keyword_says_is_told_where_it_holds() -> None:
    schema = {"properties": {"a": {"type": "string", "description": "A name.", "pattern": "^x", "default": "x"}}, "not": {"type": "null"}}

    assert wire_schema(schema) == {
        "properties": {"a": {"type": "string", "description": 'A name.\nJSON schema: {"pattern": "^x", "default": "x"}'}},
        "description": 'JSON schema: {"not": {"type": "null"}}',
    }


def test_values_that_gemini_cannot_list_are_told() -> None:
    assert wire_schema({"enum": ["a", None]}) == {"description": 'JSON schema: {"enum": ["a", null]}'}


def test_a_reference_stands_alone() -> None:
    schema = {"$defs": {"a": {}}, "properties": {"b": {"$ref": "#/$defs/a", "description": "The b.", "default": None}}}

    assert wire_schema(schema)["properties"]["b"] == {
        "anyOf": [{"$ref": "#/$defs/a"}],
        "description": 'The b.\nJSON schema: {"default": null}',
    }


def test_the_schema_that_was_given_is_not_changed() -> None:
    schema = {"const": 1, "allOf": [{"title": "A"}], "definitions": {}}
    before = json.dumps(schema)

    wire_schema(schema)

    assert json.dumps(schema) == before


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.booleans() | st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", "string", "integer", "number", "null"]),
            "const": JSON_VALUES,
            "enum": st.lists(st.none() | st.booleans() | st.integers(0, 3) | NAMES, min_size=1, max_size=2),
            "default": JSON_VALUES,
            "description": NAMES,
            "pattern": st.just("a"),
            "minLength": st.integers(0, 2),
            "exclusiveMinimum": st.integers(-2, 2),
            "exclusiveMaximum": st.floats(-2, 2),
            "multipleOf": st.just(2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "items": inner,
            "properties": st.dictionaries(NAMES, inner, max_size=2),
            "patternProperties": st.dictionaries(st.just("a"), inner, max_size=1),
            "additionalProperties": inner,
            "$ref": st.just("#/$defs/a"),
        },
    )


SUBSCHEMAS = st.recursive(st.just({"type": "string"}) | st.booleans(), _nested, max_leaves=4)
SCHEMAS = st.builds(
    lambda schema, definition: schema | {"$defs": {"a": definition}},
    SUBSCHEMAS.filter(lambda schema: isinstance(schema, dict)),
    st.sampled_from([{"type": "string"}, {"minLength": 1}]),
)


def subschemas(schema: Any) -> list[dict[str, Any]]:
    """A schema and all inside it, where Gemini looks for them."""
    if not isinstance(schema, dict):
        return []
    inner = [schema.get("items"), schema.get("additionalProperties"), *schema.get("anyOf", ())]
    inner += [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    return [schema, *(found for each in inner for found in subschemas(each))]


@given(SCHEMAS)
def test_only_known_keywords_are_sent_and_references_stand_alone(schema: dict[str, Any]) -> None:
    for found in subschemas(wire_schema(schema)):
        assert found.keys() <= KNOWN
        assert "$ref" not in found or all(name.startswith("$") for name in found)


@given(SCHEMAS)
def test_a_schema_in_geminis_keywords_stays_as_it_is(schema: dict[str, Any]) -> None:
    assert wire_schema(wire_schema(schema)) == wire_schema(schema)


@given(SCHEMAS, JSON_VALUES)
def test_what_a_schema_allows_is_allowed_in_geminis_keywords(schema: dict[str, Any], value: Any) -> None:
    assert Draft202012Validator(wire_schema(schema)).is_valid(value) or not Draft202012Validator(schema).is_valid(value)
