"""Repair is a choice of the caller, and always marked."""

import subprocess
import sys

import pytest
from pydantic import JsonValue

from polaris_llm.core.exceptions import LLMResponseParsingError
from polaris_llm.core.models import LLMResponse
from polaris_llm.core.response_parser import ResponseParser, json_repairer

NAMED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
BROKEN = LLMResponse("Here: {'name': 'Ada',}", "m", {})


def a_parser(repaired: JsonValue) -> ResponseParser:
    """A parser whose repair makes this of any text."""
    parser = ResponseParser(repair=lambda text: repaired)
    parser.register_custom_schema("named", NAMED)
    return parser


def test_nothing_is_repaired_unasked() -> None:
    parsed = ResponseParser().parse_response(BROKEN)

    assert (parsed["parsed_json"], parsed["validation_passed"], "repaired" in parsed) == (None, False, False)


def test_the_library_repairs_when_asked_and_the_result_is_marked() -> None:
    parsed = ResponseParser(repair=json_repairer()).parse_response(BROKEN)

    assert (parsed["parsed_json"], parsed["validation_passed"], parsed["repaired"]) == ({"name": "Ada"}, True, True)
    assert "validation_error" not in parsed


def test_what_needs_no_repair_gets_none() -> None:
    parsed = a_parser({"name": "wrong"}).parse_response(LLMResponse('{"name": "Ada"}', "m", {}), "named")

    assert (parsed["parsed_json"], "repaired" in parsed) == ({"name": "Ada"}, False)


@pytest.mark.parametrize("repaired", [{"nam": "Ada"}, [], "", None, 1, {"name": float("nan")}, {"name": 1}])
def test_a_repair_that_makes_nothing_of_use_changes_nothing(repaired: JsonValue) -> None:
    assert a_parser(repaired).parse_response(BROKEN, "named") == ResponseParser.parse_response(a_parser(None), BROKEN, "named")


@pytest.mark.parametrize("repaired", [{}, [], "text", None, 1])
def test_a_repair_of_prose_to_next_to_nothing_is_no_json(repaired: JsonValue) -> None:
    assert a_parser(repaired).parse_response(BROKEN)["parsed_json"] is None


def test_a_repair_that_gives_up_changes_nothing() -> None:
    def give_up(text: str) -> JsonValue:
        raise RecursionError(text)

    assert ResponseParser(repair=give_up).parse_response(BROKEN)["validation_error"] == "the answer holds no JSON"


def test_structured_data_is_never_repaired_for_it_could_not_be_marked() -> None:
    with pytest.raises(LLMResponseParsingError, match="the answer holds no JSON"):
        a_parser({"name": "Ada"}).extract_structured_data(BROKEN, "named")


def test_without_the_library_the_error_names_the_extra() -> None:
    program = "import sys; sys.modules['json_repair'] = None; import polaris_llm; polaris_llm.json_repairer()"

    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert "LLMConfigurationError: json-repair is not installed; install the extra: pip install 'polaris-llm[repair]'" in outcome.stderr
