"""Every value that a session is made of survives JSON and pickle."""

import pickle
from dataclasses import is_dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from polaris_llm.core import deltas, inference, parts, runs, tool_schema, usage
from polaris_llm.core.canonical import to_json
from polaris_llm.core.parts import PART, ModelMessage, ReasoningPart, TextPart, ToolCallPart, text_message
from polaris_llm.core.usage import Usage
from support.session_values import values

MODULES = (deltas, inference, parts, runs, tool_schema, usage)
FAMILIES = {
    value.__qualname__: value
    for module in MODULES
    for value in vars(module).values()
    if is_dataclass(value) and isinstance(value, type) and value.__module__ == module.__name__
}


each_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def test_the_families_are_found() -> None:
    assert {"ToolCallPart", "ModelRequest", "Usage", "StreamFinished", "RunSpec", "RunOutcome", "ToolSchema"} <= FAMILIES.keys()


@each_family
@settings(max_examples=20)
@given(data=st.data())
def test_every_value_comes_back_from_json(family: Any, data: st.DataObject) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(family)
    value = data.draw(values(family))

    assert adapter.validate_json(to_json(adapter, value)) == value


@each_family
@settings(max_examples=20)
@given(data=st.data())
def test_every_value_comes_back_from_pickle(family: Any, data: st.DataObject) -> None:
    value = data.draw(values(family))

    assert pickle.loads(pickle.dumps(value)) == value


@given(part=values(parts.Part))
def test_a_part_is_told_by_its_kind(part: Any) -> None:
    assert type(PART.validate_json(to_json(PART, part))) is type(part)


def test_a_part_of_unknown_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="smell"):
        PART.validate_python({"kind": "smell", "text": "roses"})


def test_a_value_cannot_be_changed() -> None:
    part = TextPart(text="hello")

    with pytest.raises(AttributeError):
        part.text = "goodbye"  # type: ignore[misc]


def test_the_text_of_a_message_is_its_text_parts_joined() -> None:
    message = ModelMessage(role="assistant", parts=(ReasoningPart(text="hm"), TextPart(text="a"), TextPart(text="b")))

    assert message.text == "ab"


def test_the_tool_calls_of_a_message_keep_their_order() -> None:
    first, second = (ToolCallPart(call_id=call_id, name="look", arguments={}) for call_id in "ba")
    message = ModelMessage(role="assistant", parts=(first, TextPart(text="and"), second))

    assert message.tool_calls == (first, second)


def test_a_text_message_has_one_text_part() -> None:
    assert text_message("user", "hi") == ModelMessage(role="user", parts=(TextPart(text="hi"),))


@given(st.lists(values(Usage), min_size=1, max_size=3))
def test_usage_adds_up_in_every_kind_of_token(reports: list[Usage]) -> None:
    total = sum(reports[1:], start=reports[0] + Usage())

    assert total.total_tokens == sum(report.total_tokens for report in reports)
    assert total.cache_read_tokens == sum(report.cache_read_tokens for report in reports)
    assert total.cache_write_tokens == sum(report.cache_write_tokens for report in reports)
    assert total.reasoning_tokens == sum(report.reasoning_tokens for report in reports)
    assert total.raw == {}
