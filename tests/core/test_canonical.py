"""Canonical JSON: equal values, equal spelling, everywhere."""

import json
import math
from typing import Any

import pytest
from hypothesis import given

from polaris_llm.core.canonical import canonical_json, digest, to_json
from polaris_llm.core.parts import PART, Part
from support.session_values import JSON, values


@given(JSON)
def test_what_is_written_reads_back_equal(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


def test_the_order_of_keys_does_not_show() -> None:
    assert canonical_json({"b": 1, "a": {"d": 2, "c": 3}}) == canonical_json({"a": {"c": 3, "d": 2}, "b": 1}) == '{"a":{"c":3,"d":2},"b":1}'


@given(JSON)
def test_it_is_ascii(value: Any) -> None:
    assert canonical_json(value).isascii()


def test_half_an_emoji_can_be_stored_as_utf_8_and_comes_back() -> None:
    line = canonical_json({"cut": "\ud83d"})

    assert line.encode() == b'{"cut":"\\ud83d"}'
    assert json.loads(line) == {"cut": "\ud83d"}


def test_half_an_emoji_has_a_digest() -> None:
    assert len(digest("\ud83d")) == 64


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_has_not_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"number": number})


def test_a_value_that_json_has_not_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        canonical_json({1, 2})


@given(values(Part))
def test_a_value_of_a_family_is_written_canonically(part: Any) -> None:
    assert to_json(PART, part) == canonical_json(PART.dump_python(part, mode="json"))


def test_the_digest_depends_on_the_value_alone() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
