"""JSON in what models write: whole documents, wherever they stand, and never a part of one."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from polaris_llm.core.canonical import MAX_DEPTH
from polaris_llm.core.json_text import first_object, json_documents, looks_cut_off
from support.session_values import JSON, WORDS

DOCUMENTS = st.lists(JSON, max_size=3) | st.dictionaries(WORDS, JSON, max_size=3)
PROSE = st.text(st.characters(exclude_characters="{}[]`", exclude_categories=["Cs"]), max_size=20)


def documents_of(text: str) -> list[Any]:
    """All documents, as a list."""
    return list(json_documents(text))


def nested(depth: int) -> str:
    """A document of as many levels."""
    return '{"a":' * depth + "1" + "}" * depth


@given(before=PROSE, document=DOCUMENTS, after=PROSE)
def test_a_document_is_found_whole_in_any_prose(before: str, document: Any, after: str) -> None:
    assert documents_of(f"{before}\n{json.dumps(document)}\n{after}") == [document]


@given(st.lists(DOCUMENTS, min_size=1, max_size=4))
def test_documents_come_in_the_order_of_the_text(documents: list[Any]) -> None:
    assert documents_of(" then ".join(json.dumps(document) for document in documents)) == documents


@given(before=PROSE, document=DOCUMENTS)
def test_a_fenced_document_comes_first(before: str, document: Any) -> None:
    text = f'[0] {before} {{"bare": 1}}\n```json\n{json.dumps(document)}\n```\nDone.'

    assert documents_of(text)[0] == document


@pytest.mark.parametrize("depth", [1, 3, 50, MAX_DEPTH])
def test_a_nested_document_is_found_whole_and_not_its_inside(depth: int) -> None:
    assert documents_of(f"Here: {nested(depth)}.") == [json.loads(nested(depth))]


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 5000, 200_000])
def test_a_document_too_deep_for_a_log_is_none_and_neither_is_its_inside(depth: int) -> None:
    assert documents_of(f"Here: {nested(depth)}.") == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "[-1e999]"])
def test_a_document_with_numbers_that_json_has_not_is_none(number: str) -> None:
    assert documents_of(f'{{"x": {{"y": {number}}}, "z": {{}}}}') == []


def test_an_integer_too_long_to_read_is_no_document() -> None:
    assert documents_of(f'{{"x": {"9" * 5000}}}') == []


@pytest.mark.parametrize("broken", ['{"a": {"b": 1}, c: 2}', "{'a': 1}", '{"a": [1 2]}', '{"a": {"b": 1},}'])
def test_the_inside_of_a_broken_document_is_no_document(broken: str) -> None:
    assert documents_of(broken) == []


@pytest.mark.parametrize("prose", ["{braces like this}", "the interval [0, 1)", "a list [see below]", "f(x) = {x", "[a] {b}"])
def test_brackets_in_prose_do_not_hide_the_document(prose: str) -> None:
    assert documents_of(f'{prose} and then {{"a": 1}}') == [{"a": 1}]


@pytest.mark.parametrize(("text", "value"), [("42", 42), (" -1.5\n", -1.5), ("true", True), ("null", None), ('"yes"', "yes")])
def test_a_text_that_is_nothing_but_a_value_is_that_value(text: str, value: Any) -> None:
    assert documents_of(text) == [value]


@pytest.mark.parametrize("text", ["", "  ", "forty-two", "42 servers", "NaN", "-", "``````", "```json\n```"])
def test_a_text_without_json_holds_no_document(text: str) -> None:
    assert documents_of(text) == []


@given(st.text())
def test_no_text_is_too_odd_to_look_through(text: str) -> None:
    assert all(json.loads(json.dumps(document)) == document for document in json_documents(text))
    assert looks_cut_off(text) in (True, False)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("piece", ["{", "[", '{"a":', "`", " ", "\n", '"', "a", "```", '{"a": "', "[1,"])
def test_endless_repetition_is_looked_through_in_no_time(piece: str) -> None:
    text = "```" + piece * 100_000

    assert documents_of(text) == []


def test_the_first_object_is_the_first_that_is_not_an_array() -> None:
    assert first_object('[1, 2] and {"a": 1} and {"b": 2}') == {"a": 1}


def test_a_text_without_objects_has_no_first_one() -> None:
    assert first_object("[1, 2] and 3") is None


@given(document=DOCUMENTS, data=st.data())
def test_a_document_cut_at_any_point_looks_cut_off_and_yields_nothing(document: Any, data: st.DataObject) -> None:
    whole = json.dumps(document, ensure_ascii=data.draw(st.booleans()))
    text = "Here: " + whole[: data.draw(st.integers(1, len(whole) - 1))]

    assert looks_cut_off(text)
    assert documents_of(text) == []


@given(before=PROSE, document=DOCUMENTS, after=PROSE)
def test_a_whole_document_does_not_look_cut_off(before: str, document: Any, after: str) -> None:
    assert not looks_cut_off(f"{before}\n{json.dumps(document)}\n{after}")


@pytest.mark.parametrize(
    "text", ["", "plain", "the interval [0, 1) is half open", "Use {x} or {y, z", "it's {fine} :] anyway", "[see there] ok"]
)
def test_prose_does_not_look_cut_off(text: str) -> None:
    assert not looks_cut_off(text)


@given(document=DOCUMENTS, other=DOCUMENTS)
def test_a_document_before_a_cut_off_one_is_still_found(document: Any, other: Any) -> None:
    assume(other)
    text = f"{json.dumps(document)} and {json.dumps(other)[:-1]}"

    assert documents_of(text) == [document]
    assert looks_cut_off(text)
