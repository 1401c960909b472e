"""Frozen values travel by their fields: equal on the other side, and still frozen."""

import copyreg
import pickle
from dataclasses import FrozenInstanceError, dataclass, fields, replace
from typing import Any

import pytest
from hypothesis import given

from polaris_llm.core.inference import ModelRequest
from polaris_llm.core.parts import ModelMessage, TextPart, ToolCallPart, text_message
from polaris_llm.core.pickling import MAX_SHARED_BYTES, pickled_by_fields
from support.session_values import values


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A value with a default that is made anew, and a rule for building it."""

    x: int
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert self.x >= 0


pickled_by_fields(Point)


@given(values(ModelRequest))
def test_requests_come_back_equal(request: ModelRequest) -> None:
    revived = pickle.loads(pickle.dumps(request))

    assert revived == request
    assert all(type(getattr(revived, field.name)) is type(getattr(request, field.name)) for field in fields(ModelRequest))


def test_a_revived_value_is_still_frozen() -> None:
    revived = pickle.loads(pickle.dumps(TextPart(text="hello")))

    with pytest.raises(FrozenInstanceError):
        revived.text = "changed"


def test_a_value_of_another_layout_is_refused() -> None:
    function, (cls, *args) = pickled_parts(Point(x=1, tags=("a",)))

    with pytest.raises(ValueError, match="zip"):
        function(cls, *args, "one field more")


def test_what_is_sent_again_and_again_is_read_once() -> None:
    message = text_message("user", "hello")

    first, second = (pickle.loads(pickle.dumps(each)) for each in (message, text_message("user", "hello")))

    assert first == message
    assert first is second


def test_what_can_be_changed_belongs_to_its_reader_alone() -> None:
    calls = (ToolCallPart(call_id="c1", name="add", arguments={"numbers": [1, 2]}),)
    data = pickle.dumps(ModelMessage(role="assistant", parts=calls))

    first, second = pickle.loads(data), pickle.loads(data)
    first.tool_calls[0].arguments["numbers"].append(3)

    assert [message.tool_calls[0].arguments for message in (second, pickle.loads(data))] == [{"numbers": [1, 2]}] * 2


def test_large_values_are_not_kept() -> None:
    message = text_message("user", "x" * MAX_SHARED_BYTES)

    first, second = (pickle.loads(pickle.dumps(message)) for _ in range(2))

    assert first == second == message
    assert first is not second


def test_a_changed_copy_does_not_remember_what_was_made_of_the_first() -> None:
    message = text_message("user", "hello")
    pickle.dumps(message)

    changed = pickle.loads(pickle.dumps(replace(message, role="system")))

    assert changed == text_message("system", "hello")


def pickled_parts(value: object) -> tuple[Any, ...]:
    """What pickle writes for a value: the function that revives it, and its arguments."""
    parts = copyreg.dispatch_table[type(value)](value)
    assert isinstance(parts, tuple)
    return parts
