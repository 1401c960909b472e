"""What tools may answer."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.canonical import MAX_DEPTH
from polaris_llm.core.exceptions import LLMToolError
from polaris_llm.core.models import ToolCallStatus
from polaris_llm.core.tool_results import checked_result, shortened

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_json_comes_back_equal_and_of_its_own(value: Any) -> None:
    checked = checked_result(value, "t")

    assert checked == value
    assert json.dumps(checked) == json.dumps(value)
    assert checked is not value or not isinstance(value, list | dict)


def test_subclasses_and_tuples_become_plain_json() -> None:
    checked = checked_result({"status": ToolCallStatus.SUCCESS, "pair": (1, 2), 7: "seven"}, "t")

    assert checked == {"status": "success", "pair": [1, 2], "7": "seven"}
    assert type(checked["status"]) is str


CIRCLE: list[Any] = [1]
CIRCLE.append({"inside": CIRCLE})


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        (object(), "$ is a object"),
        ({"a": [1, {"b": {1, 2}}]}, "$.a[1].b is a set"),
        ([0.5, float("nan")], "$[1] is nan"),
        ({"a": float("-inf")}, "$.a is -inf"),
        ({"a": {(1, 2): 3}}, "a key of $.a is a tuple"),
        ((1, b"x"), "$[1] is a bytes"),
        (CIRCLE, "$[1].inside contains itself"),
    ],
)
def test_what_json_does_not_have_is_named_by_its_path(value: Any, flaw: str) -> None:
    with pytest.raises(LLMToolError) as caught:
        checked_result(value, "t")

    assert flaw in caught.value.message
    assert "'t'" in caught.value.message


def test_the_size_is_counted_in_characters_of_json() -> None:
    assert checked_result("ä" * 8, "t", max_characters=10) == "ä" * 8
    with pytest.raises(LLMToolError, match=r"'t' returned 11 characters of JSON, more than the 10"):
        checked_result("ä" * 9, "t", max_characters=10)


@given(text=st.text(), limit=st.integers(1, 20))
def test_a_shortened_text_is_never_longer_than_its_limit(text: str, limit: int) -> None:
    short = shortened(text, limit)

    assert len(short) <= limit
    assert short == text or (len(text) > limit and short.endswith("…") and text.startswith(short[:-1]))


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 100_000])
def test_a_result_that_nobody_could_read_back_is_refused(depth: int) -> None:
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]

    with pytest.raises(LLMToolError, match="'deep' returned JSON nested deeper than 200"):
        checked_result(nested, "deep")


def test_a_result_may_be_as_deep_as_can_be_read_back() -> None:
    nested: list[Any] = []
    for _ in range(MAX_DEPTH - 1):
        nested = [nested]

    assert checked_result(nested, "deep") == nested
