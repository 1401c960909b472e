"""The contract's parser: what an answer holds, and what is said when it does not hold what it should."""

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.exceptions import LLMResponseParsingError
from polaris_llm.core.models import FunctionCall, LLMResponse
from polaris_llm.core.response_parser import FunctionCallParser, ResponseParser
from support.session_values import JSON, WORDS

PROSE = st.text(st.characters(exclude_characters="{}[]`", exclude_categories=["Cs"]), max_size=20)
DOCUMENTS = st.lists(JSON, max_size=3) | st.dictionaries(WORDS, JSON, max_size=3)
NAMED = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name"]}
REASONING = {
    "analysis": "The load grows.",
    "recommendations": [
        {"action_type": "ADD_SERVER", "parameters": {"count": 1}, "rationale": "load", "confidence": 0.9, "risk_level": "low"}
    ],
}
WORLD_MODEL = {"updated_model": {"system_description": "one server"}}
SIMULATION = {
    "simulation_result": {"immediate_effects": {"cpu": {"now": 1}}, "risk_assessment": {"level": "low"}, "success_probability": 0.5},
    "recommendations": {"proceed": True},
}


def answer(content: str, finish_reason: str = "stop") -> LLMResponse:
    """An answer of a model."""
    return LLMResponse(content, "some-model", {"total_tokens": 1}, finish_reason=finish_reason)


def parser_of_names() -> ResponseParser:
    """A parser that knows a schema of its user's."""
    parser = ResponseParser()
    parser.register_custom_schema("named", NAMED)
    return parser


@given(before=PROSE, document=DOCUMENTS, after=PROSE)
def test_a_document_is_extracted_from_any_prose(before: str, document: Any, after: str) -> None:
    assert FunctionCallParser().extract_json_from_text(f"{before} {json.dumps(document)} {after}") == document


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("[1] says {} or {'x'} and {\"a\": 1}", {}),
        ('{"bare": 1}\n```\n["fenced"]\n```', ["fenced"]),
        ('```json\n[0]\n```\n```json\n{"a": 1}\n```', {"a": 1}),
        ('[0] then {"a": {"b": {"c": {"d": 1}}}}', {"a": {"b": {"c": {"d": 1}}}}),
        ("[1, 2]", [1, 2]),
        ("42", 42),
        ("no JSON", None),
        ("", None),
    ],
)
def test_fenced_comes_before_bare_and_objects_before_others(text: str, document: Any) -> None:
    assert FunctionCallParser().extract_json_from_text(text) == document


def test_function_calls_become_tool_calls() -> None:
    response = LLMResponse("", "m", {}, [FunctionCall("look", {"at": "load"}, "c1"), FunctionCall("wait", {}, "c2")])

    parsed = ResponseParser().parse_response(response)

    assert [(call.tool_name, call.parameters, call.call_id) for call in parsed["tool_calls"]] == [
        ("look", {"at": "load"}, "c1"),
        ("wait", {}, "c2"),
    ]
    assert parsed["function_calls"] == response.function_calls


@pytest.mark.parametrize(
    ("text", "usage"),
    [
        (
            'I will {"action": "use_tool", "tool_name": "look", "parameters": {"at": [1]}}.',
            {"action": "use_tool", "tool_name": "look", "parameters": {"at": [1]}},
        ),
        ('{"action": "use_tool", "tool_name": "look"}', {"action": "use_tool", "tool_name": "look", "parameters": {}}),
        (
            '{"action": "final_answer", "result": {"a": 1}, "more": 1}',
            {"action": "final_answer", "result": {"a": 1}, "reasoning": "", "confidence": 0.5},
        ),
        (
            '{"action": "final_answer", "result": 0, "reasoning": "so", "confidence": 1}',
            {"action": "final_answer", "result": 0, "reasoning": "so", "confidence": 1},
        ),
        (
            '{"action": "use_tool"} {"x": {"action": "final_answer"}} {"action": "use_tool", "tool_name": "b"}',
            {"action": "use_tool", "tool_name": "b", "parameters": {}},
        ),
        ('{"action": "use_tool", "tool_name": "look", "parameters": [1]}', None),
        ('{"action": "dance"}', None),
        ('["action", "final_answer"]', None),
        ("42", None),
        ("final_answer", None),
    ],
)
def test_an_action_is_read_from_text_only_when_it_is_complete(text: str, usage: Any) -> None:
    assert FunctionCallParser().parse_tool_usage_from_text(text) == usage


def test_the_document_that_satisfies_the_schema_is_taken_wherever_it_stands() -> None:
    text = '```json\n{"name": 1}\n```\n[{"name": "no"}] {"name": "Ada"} {"name": "Bob"}'

    parsed = parser_of_names().parse_response(answer(text), "named")

    assert parsed["parsed_json"] == {"name": "Ada"}
    assert parsed["validation_passed"] is True
    assert "validation_error" not in parsed


def test_a_mismatch_tells_every_violation_and_keeps_the_first_object() -> None:
    parsed = parser_of_names().parse_response(answer('[0] {"age": "old"} {"age": 1.5}'), "named")

    assert parsed["parsed_json"] == {"age": "old"}
    assert parsed["validation_passed"] is False
    assert parsed["validation_error"] == (
        "the JSON does not satisfy the schema 'named': $: 'name' is a required property; $.age: 'old' is not of type 'integer'"
    )


@pytest.mark.parametrize(
    ("text", "document", "passed"), [('{"a": 1}', {"a": 1}, True), ("{}", {}, True), ("null", None, True), ("plain", None, False)]
)
def test_without_a_schema_any_json_passes(text: str, document: Any, passed: bool) -> None:
    parsed = ResponseParser().parse_response(answer(text))

    assert (parsed["content"], parsed["parsed_json"], parsed["validation_passed"]) == (text, document, passed)
    assert parsed.get("validation_error") == (None if passed else "the answer holds no JSON")


def test_json_is_left_alone_when_it_is_not_wanted() -> None:
    parsed = ResponseParser().parse_response(answer('{"a": 1}'), extract_json=False)

    assert (parsed["parsed_json"], parsed["validation_passed"], "validation_error" in parsed) == (None, False, False)


@pytest.mark.parametrize(
    ("text", "finish_reason"), [('{"name": "Ad', "stop"), ('```json\n{"x": [{"name": "Ada"}', "stop"), ("So the", "length")]
)
def test_an_answer_that_breaks_off_is_said_to_be_cut_off(text: str, finish_reason: str) -> None:
    parser, response = parser_of_names(), answer(text, finish_reason)

    parsed = parser.parse_response(response, "named")

    assert parsed["parsed_json"] is None
    assert parsed["validation_error"].startswith("the answer is cut off: raise max_tokens")
    with pytest.raises(LLMResponseParsingError, match="cut off"):
        parser.extract_structured_data(response, "named")


def test_what_was_said_before_the_cut_is_good_when_it_satisfies_the_schema() -> None:
    parsed = parser_of_names().parse_response(answer('{"name": "Ada"} and {"name": "Bo', "length"), "named")

    assert (parsed["parsed_json"], parsed["validation_passed"]) == ({"name": "Ada"}, True)


@pytest.mark.parametrize(
    ("method", "document", "flaw"),
    [
        ("parse_reasoning_response", REASONING, {"analysis": "x"}),
        ("parse_world_model_response", WORLD_MODEL, {"updated_model": {}}),
        ("parse_simulation_response", SIMULATION, SIMULATION["simulation_result"]),
    ],
)
def test_each_kind_of_answer_is_held_against_its_schema(method: str, document: Any, flaw: Any) -> None:
    parse = getattr(ResponseParser(), method)

    good, bad = parse(answer(f"Here: {json.dumps(document)}")), parse(answer(json.dumps(flaw)))

    assert (good["parsed_json"], good["validation_passed"]) == (document, True)
    assert (bad["parsed_json"], bad["validation_passed"]) == (flaw, False)
    assert "is a required property" in bad["validation_error"]


def test_an_agentic_answer_comes_with_the_action_that_it_asks_for() -> None:
    parser = ResponseParser()

    acting = parser.parse_agentic_response(answer('See {"x": 1}: {"action": "use_tool", "tool_name": "look", "parameters": {}}'))
    chatting = parser.parse_agentic_response(answer("Hello."))

    assert acting["tool_usage"] == acting["parsed_json"] == {"action": "use_tool", "tool_name": "look", "parameters": {}}
    assert acting["agentic_validation_passed"] is True
    assert (chatting["tool_usage"], chatting["agentic_validation_passed"]) == (None, False)


def test_structured_data_is_the_document_itself() -> None:
    assert parser_of_names().extract_structured_data(answer('So: {"name": "Ada", "age": 1}'), "named", ["age"]) == {"name": "Ada", "age": 1}


@pytest.mark.parametrize(
    ("text", "fields", "reason", "violations"),
    [
        ("plain", None, "the answer holds no JSON", None),
        ('{"age": 1}', None, "'named': $: 'name' is a required property", ["$: 'name' is a required property"]),
        ('{"name": "Ada"}', ["name", "age", "size"], "the answer lacks required fields: 'age', 'size'", None),
    ],
)
def test_structured_data_that_is_not_there_is_an_error_that_says_why(text: str, fields: Any, reason: str, violations: Any) -> None:
    with pytest.raises(LLMResponseParsingError) as caught:
        parser_of_names().extract_structured_data(answer(text), "named", fields)

    context = pickle.loads(pickle.dumps(caught.value)).context
    assert reason in caught.value.message
    assert (context["expected_format"], context["response_content"], context["model_name"]) == ("named", text, "some-model")
    assert violations is None or context["validation_errors"] == violations


@pytest.mark.parametrize("text", ["{}", "no JSON"])
def test_an_unknown_schema_is_an_error_that_names_the_known_ones(text: str) -> None:
    expected = "unknown schema 'nmaed'; known: reasoning_result, world_model_update, simulation_result, agentic_action, named"
    parser = parser_of_names()

    for parse in (parser.parse_response, parser.extract_structured_data):
        with pytest.raises(LLMResponseParsingError, match=expected):
            parse(answer(text), "nmaed")


@given(st.text() | st.text('{}[]",:\\`az09', max_size=40))
def test_no_text_is_too_odd_to_parse(text: str) -> None:
    parsed = ResponseParser().parse_agentic_response(answer(text))

    assert parsed["validation_passed"] == ("validation_error" not in parsed)


def test_an_answer_without_content_is_an_empty_one() -> None:
    parsed = ResponseParser().parse_agentic_response(LLMResponse(None, "m", {}))  # type: ignore[arg-type]  # as other clients may answer

    assert (parsed["content"], parsed["parsed_json"], parsed["tool_usage"]) == ("", None, None)
