"""The key of a model's answer changes with everything that changes the answer, and with nothing else."""

import math
import pickle
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from polaris_llm.core.cache_key import SILENT_FIELDS, cache_key
from polaris_llm.core.inference import MODEL_REQUEST, ModelRequest
from polaris_llm.core.parts import TextPart, ToolCallPart, text_message
from support.model_requests import a_request
from support.model_strategies import FIELDS, JSON_OBJECTS, REQUESTS


def test_the_strategies_know_every_field() -> None:
    assert FIELDS.keys() == {field.name for field in fields(ModelRequest)}


@pytest.mark.parametrize("name", sorted(FIELDS.keys() - SILENT_FIELDS))
@settings(max_examples=10)
@given(data=st.data())
def test_a_field_that_changes_the_answer_changes_the_key(name: str, data: st.DataObject) -> None:
    request = data.draw(REQUESTS)
    value = data.draw(FIELDS[name])
    assume(value != getattr(request, name))

    assert cache_key("p", request) != cache_key("p", replace(request, **{name: value}))


@settings(max_examples=30)
@given(REQUESTS, FIELDS["cache"], FIELDS["metadata"], FIELDS["request_id"])
def test_what_does_not_change_the_answer_does_not_change_the_key(request: ModelRequest, cache: Any, metadata: Any, request_id: str) -> None:
    assert cache_key("p", request) == cache_key("p", replace(request, cache=cache, metadata=metadata, request_id=request_id))


@settings(max_examples=30)
@given(REQUESTS)
def test_the_provider_is_part_of_the_key(request: ModelRequest) -> None:
    assert cache_key("p", request) != cache_key("q", request)


@settings(max_examples=30)
@given(REQUESTS)
def test_a_request_that_travelled_has_the_same_key(request: ModelRequest) -> None:
    by_pickle = pickle.loads(pickle.dumps(request))
    by_json = MODEL_REQUEST.validate_json(MODEL_REQUEST.dump_json(request))

    assert cache_key("p", request) == cache_key("p", by_pickle) == cache_key("p", by_json)


@settings(max_examples=30)
@given(JSON_OBJECTS)
def test_the_order_of_an_objects_names_does_not_matter(arguments: dict[str, Any]) -> None:
    turned = dict(reversed(arguments.items()))

    assert cache_key("p", a_request(extras=arguments)) == cache_key("p", a_request(extras=turned))


@settings(max_examples=30)
@given(st.text(), st.text())
def test_text_is_not_cut_differently_under_one_key(first: str, second: str) -> None:
    assume(first and second)
    apart = replace(text_message("user", first), parts=(TextPart(text=first), TextPart(text=second)))

    assert cache_key("p", a_request(messages=(apart,))) != cache_key("p", a_request(messages=(text_message("user", first + second),)))


def test_text_that_looks_like_a_part_is_not_that_part() -> None:
    call = ToolCallPart(call_id="a", name="f", arguments={})
    spelled = '{"arguments":{},"call_id":"a","kind":"tool_call","malformed":null,"name":"f","provider_data":null}'

    by_call = a_request(messages=(replace(text_message("assistant", ""), parts=(call,)),))

    assert cache_key("p", by_call) != cache_key("p", a_request(messages=(text_message("assistant", spelled),)))


@pytest.mark.parametrize("odd", [{"text": "half \ud83d"}, {"extras": {"x": math.nan}}])
def test_even_what_no_wire_carries_has_a_key(odd: dict[str, Any]) -> None:
    assert len(cache_key("p", a_request(**odd))) == 64
