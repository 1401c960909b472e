"""One scan of a text: what is fenced, what is broken, what is cut off, and how much of the text is looked at."""

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from polaris_llm.core.json_text import JsonScan, JsonScanner, json_documents, scan_json
from support.session_values import JSON, WORDS

DOCUMENTS = st.lists(JSON, max_size=3) | st.dictionaries(WORDS, JSON, max_size=3)
MEGABYTE = 1_000_000


class CountingScanner(JsonScanner):
    """Counts the characters that are looked at."""

    examined = 0

    def look_at(self, pattern: re.Pattern[str], position: int) -> re.Match[str]:
        found = super().look_at(pattern, position)
        self.examined += found.end() - position + 1
        return found

    def look_for(self, pattern: re.Pattern[str], position: int) -> re.Match[str] | None:
        found = super().look_for(pattern, position)
        self.examined += (len(self.text) if found is None else found.end()) - position + 1
        return found


def work_on(text: str) -> int:
    """How many characters a scan of the text looks at."""
    scanner = CountingScanner(text)
    scanner.scan()
    return scanner.examined


PIECES = [
    "{",
    "[",
    "[1,",
    '"',
    "\\",
    '{"a":',
    '{"',
    '["\\',
    '{"a" ',
    '["a" "',
    '[{"a": 1},',
    "{x} ",
    "{'a': ",
    "```{",
    "{ \n",
    "[-",
    '["\\u12',
    "{a:",
]


@pytest.mark.parametrize("piece", PIECES)
def test_a_scan_looks_at_each_character_a_few_times_however_long_the_text(piece: str) -> None:
    text = "[" + piece * (MEGABYTE // 10 // len(piece))

    assert work_on(text) <= 6 * len(text)


@pytest.mark.parametrize("piece", ["{", "[1,", '"', "\\", '["\\'])
def test_a_megabyte_of_noise_is_looked_at_a_few_times(piece: str) -> None:
    text = piece * (MEGABYTE // len(piece))

    assert work_on(text) <= 6 * MEGABYTE


@given(st.lists(st.sampled_from([*PIECES, "}", "]", '"', " ", "\n", "1", ",", ":", "```", "text", "\\"]), min_size=1, max_size=8))
def test_no_repetition_makes_a_scan_look_back(pieces: list[str]) -> None:
    text = "".join(pieces) * 40

    assert work_on(text) <= 6 * len(text) + 10


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":', "[[0],"])
def test_a_hundred_thousand_levels_are_looked_through_and_what_follows_is_found(opening: str) -> None:
    closing = "".join({"[": "]", "{": "}"}[bracket] for bracket in reversed(re.sub(r"\[0\]", "", opening)) if bracket in "[{")
    deep = opening * 100_000 + "0" + closing * 100_000

    assert scan_json(deep + ' and {"b": 1}') == JsonScan(fenced=(), bare=({"b": 1},), cut_off=False)
    assert scan_json(deep[:-1]) == JsonScan(fenced=(), bare=(), cut_off=True)


@st.composite
def nearly_json(draw: st.DrawFn) -> str:
    """A document with one stretch of its text replaced."""
    text = json.dumps(draw(DOCUMENTS), ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
    start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
    return text[:start] + draw(st.text('{}[]",:\\ \n\tu0aA1e.+-/', max_size=3)) + text[end:]


@given(nearly_json())
def test_what_python_reads_as_a_document_is_found_whole(text: str) -> None:
    try:
        expected = json.loads(text)
        json.dumps(expected, allow_nan=False)
    except ValueError:
        assume(False)

    assert scan_json(text) == JsonScan(fenced=(), bare=(expected,), cut_off=False)


@pytest.mark.parametrize(
    "fence",
    [
        "```json\n{}\n```",
        "```\n{}\n```",
        "```JSON5 {} ```",
        "```json{}```",
        "````json\n{}\n````",
        "```json\n{}",
        "``` a\n```\n```b\n{}\n```",
    ],
)
@pytest.mark.parametrize("document", ['{"a": {"b": [1]}}', '["x"]'])
def test_a_document_in_any_fence_is_fenced(fence: str, document: str) -> None:
    scan = scan_json('{"bare": 1} ' + fence.replace("{}", document))

    assert (scan.fenced, scan.bare) == ((json.loads(document),), ({"bare": 1},))


def test_all_fences_count_and_each_document_once() -> None:
    assert scan_json("```\n[1]\n```\n[2]\n```json\n[3] [4]\n```") == JsonScan(fenced=([1], [3], [4]), bare=([2],), cut_off=False)


@given(document=DOCUMENTS)
def test_a_fence_inside_a_document_is_a_part_of_it(document: Any) -> None:
    outer = {"code": f"```json\n{json.dumps(document)}\n```", "more": "```"}

    assert list(json_documents(f"```json\n{json.dumps(outer)}\n```")) == [outer]


@pytest.mark.parametrize(
    "broken",
    [
        '{"a": 1, b: {"c": 2}}',
        '{"a": [{"b": 1},], "c": {"d": 2}}',
        "{'a': {}, 'b': [1]}",
        '{a: {"b": 1}}',
        '{// why\n"a": {"b": 1}}',
        '[{"a": 1}, {b: 2}, {"c": 3}]',
        '["a", ..., {"b": 1}]',
    ],
)
def test_nothing_inside_a_broken_document_is_a_document_and_what_follows_is(broken: str) -> None:
    assert list(json_documents(broken)) == []
    assert list(json_documents(f'{broken} so {{"x": 1}}')) == [{"x": 1}]


@pytest.mark.parametrize("prose", [r"\boxed{%s}", "{%s}", "{{%s}}", "[Note: %s]", "over [0, 1) %s and (2, 3]", "{ see %s }"])
def test_brackets_of_prose_around_a_document_do_not_hide_it(prose: str) -> None:
    assert list(json_documents(prose % '{"a": {"b": 1}}')) == [{"a": {"b": 1}}]


def test_a_fence_ends_what_was_broken_before_it() -> None:
    assert list(json_documents('as {"a": ...\n```json\n{"a": 1}\n```\n}')) == [{"a": 1}]


@pytest.mark.parametrize(
    "end", ['{"a": "b\\', '{"a": "\\u00', '{"a": tr', '{"a": -', '{"a": 1.', '["a\n', "[1e", "```json\n{", '{"a": [1] ']
)
def test_an_answer_may_break_off_anywhere(end: str) -> None:
    assert scan_json(end).cut_off


@pytest.mark.parametrize("end", ['["a\\x', '{"a": "b\nc', "{'a': 1", '{"a": 1; '])
def test_what_is_broken_before_the_end_is_not_cut_off(end: str) -> None:
    assert not scan_json(end).cut_off
