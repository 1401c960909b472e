"""Schemas by name: JSONSchemaValidator says what jsonschema says, and says it of a schema that nobody can change from outside."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from polaris_llm.core.exceptions import LLMConfigurationError, LLMResponseParsingError
from polaris_llm.core.models import LLMResponse
from polaris_llm.core.response_parser import JSONSchemaValidator, ResponseParser
from polaris_llm.core.response_schemas import RESPONSE_SCHEMAS
from support.session_values import JSON

KEYS = st.sampled_from(["a", "b"])
SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([{}, {"type": "integer"}, {"type": ["string", "null"]}, {"minimum": 0, "maximum": 1}, {"enum": [1, "a", None]}]),
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(
            lambda fields, required: {"properties": fields, "required": required}, st.dictionaries(KEYS, inner), st.lists(KEYS, unique=True)
        )
        | st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=2))
    ),
    max_leaves=4,
)
DATA = JSON | st.dictionaries(KEYS, JSON | st.sampled_from([0, 1, 2, "a"]))
RECOMMENDATION = {"action_type": "x", "parameters": {}, "rationale": "y", "confidence": 0.5, "risk_level": "high"}


def validator_of(schema: dict[str, Any]) -> JSONSchemaValidator:
    """A validator that knows the schema as `mine`."""
    validator = JSONSchemaValidator()
    validator.register_schema("mine", schema)
    return validator


@given(SCHEMAS, DATA)
def test_data_satisfies_a_schema_exactly_when_jsonschema_says_so(schema: dict[str, Any], data: Any) -> None:
    assert (validator_of(schema).check("mine").holds(data)) == Draft202012Validator(schema).is_valid(data)


def test_every_violation_is_told_with_its_path_and_reason() -> None:
    data = {"analysis": 1, "recommendations": [{**RECOMMENDATION, "confidence": 1.5, "risk_level": "none"}, {}]}

    with pytest.raises(LLMResponseParsingError, match="does not satisfy the schema 'reasoning_result'") as caught:
        JSONSchemaValidator().validate(data, "reasoning_result")

    assert caught.value.context["expected_format"] == "reasoning_result"
    assert caught.value.context["validation_errors"] == [
        "$.analysis: 1 is not of type 'string'",
        "$.recommendations[0].confidence: 1.5 is greater than the maximum of 1",
        "$.recommendations[0].risk_level: 'none' is not one of ['low', 'medium', 'high']",
        "$.recommendations[1]: 'action_type' is a required property",
    ]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("reasoning_result", {"analysis": "x", "recommendations": [RECOMMENDATION], "reasoning_steps": ["first"]}),
        ("world_model_update", {"updated_model": {"system_description": "x", "more": 1}}),
        (
            "simulation_result",
            {
                "simulation_result": {"immediate_effects": {}, "risk_assessment": {"level": "low"}, "success_probability": 1},
                "recommendations": {"proceed": False},
            },
        ),
        ("agentic_action", {"action": "use_tool", "tool_name": "look", "parameters": {}}),
        ("agentic_action", {"action": "final_answer", "result": [1]}),
    ],
)
def test_good_answers_of_each_kind_are_valid(name: str, data: Any) -> None:
    assert JSONSchemaValidator().validate(data, name) is True


@pytest.mark.parametrize("name", RESPONSE_SCHEMAS)
@pytest.mark.parametrize("data", [{}, [], 42, "text", None, {"action": "dance"}])
def test_no_built_in_schema_takes_anything_for_an_answer(name: str, data: Any) -> None:
    Draft202012Validator.check_schema(RESPONSE_SCHEMAS[name])

    with pytest.raises(LLMResponseParsingError):
        JSONSchemaValidator().validate(data, name)


def test_schemas_are_listed_as_they_were_registered_and_belong_to_one_parser() -> None:
    parser = ResponseParser()
    parser.register_custom_schema("mine", {"type": "object"})

    assert parser.get_available_schemas() == parser.json_validator.list_schemas() == [*RESPONSE_SCHEMAS, "mine"]
    assert ResponseParser().get_available_schemas() == list(RESPONSE_SCHEMAS)
    assert parser.json_validator.get_schema("other") is None


def test_a_schema_does_not_change_with_what_was_registered_or_given_out() -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    validator = validator_of(schema)

    schema["required"] = ["a"]
    given_out = validator.get_schema("mine")
    assert given_out is not None
    given_out["required"] = ["b"]

    assert validator.validate({}, "mine") is True


def test_what_is_no_json_schema_is_refused() -> None:
    with pytest.raises(LLMConfigurationError, match=r"schema 'mine' is not a JSON schema: \$\.type: 'text' is not valid"):
        ResponseParser().register_custom_schema("mine", {"type": "text"})


@pytest.mark.parametrize("reference", ["#/$defs/missing", "https://example.invalid/schema.json"])
def test_a_reference_to_elsewhere_is_an_error_and_is_not_fetched(reference: str) -> None:
    with pytest.raises(LLMConfigurationError, match=r"schema 'mine' refers to '.*', which it does not hold"):
        validator_of({"$ref": reference}).validate({}, "mine")


def test_data_too_deep_for_a_schema_that_refers_to_itself_is_a_mismatch() -> None:
    parser = ResponseParser()
    parser.register_custom_schema("tree", {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#"}}]})

    parsed = parser.parse_response(LLMResponse("[" * 199 + '"leaf"' + "]" * 199, "m", {}), "tree")

    assert parsed["validation_passed"] is False
    assert "nested too deeply" in parsed["validation_error"]
