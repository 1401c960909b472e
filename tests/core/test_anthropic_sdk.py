"""The official SDK's types as the judge: what we send they allow, and what they can say we read."""

import json
from typing import Any

from anthropic import transform_schema
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from polaris_llm.core.inference import ModelRequest
from polaris_llm.core.providers.anthropic_schema import output_schema
from polaris_llm.core.stream_folding import fold
from support.anthropic_messages import CODEC, Wire, events_of, response_of, sse
from support.anthropic_sdk import ANSWERS, REQUESTS, WHOLES, streamed, wire
from support.cuts import cut
from support.model_requests import a_request
from support.sdk_types import judge_of

WHOLE = judge_of(MessageCreateParamsNonStreaming)
STREAMED = judge_of(MessageCreateParamsStreaming)
EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
OF_THE_OLD_VERSION = ("temperature", "top_p")
"""Parameters that version 2023-06-01 of the API takes for old models, and that the SDK's types, which are of the new version, lack."""


def body_of(call: Any) -> Wire:
    body: Wire = json.loads(call.body)
    return {name: value for name, value in body.items() if name not in OF_THE_OLD_VERSION}


@given(REQUESTS)
def test_every_request_is_one_that_the_sdk_could_send(request: ModelRequest) -> None:
    WHOLE.validate_python(body_of(CODEC.encode(request)))
    STREAMED.validate_python(body_of(CODEC.encode_stream(request)))


@given(st.data(), WHOLES)
def test_every_answer_is_the_same_whole_and_as_a_stream(data: st.DataObject, whole: Wire) -> None:
    line_end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    stream = sse(*streamed(data, whole), line_end=line_end)

    assert fold(events_of(*cut(data, stream))) == response_of(whole)


@given(st.data(), WHOLES)
def test_the_events_of_these_tests_are_the_sdks(data: st.DataObject, whole: Wire) -> None:
    for event in streamed(data, whole):
        if event["type"] != "ping":
            assert EVENT.validate_python(event).type == event["type"]


@given(WHOLES)
def test_every_block_goes_back_as_it_came(whole: Wire) -> None:
    sent = body_of(CODEC.encode(a_request(messages=(response_of(whole).as_message(),))))["messages"]

    came = [block for block in whole["content"] if block["type"] != "text" or _is_said(block)]
    assert [_comparable(block) for turn in sent for block in turn["content"]] == [_comparable(block) for block in came]


@given(ANSWERS)
def test_usage_counts_cached_tokens_among_the_input(answer: Message) -> None:
    usage, raw = response_of(wire(answer)).usage, answer.usage

    assert usage.cache_read_tokens == (raw.cache_read_input_tokens or 0)
    assert usage.cache_write_tokens == (raw.cache_creation_input_tokens or 0)
    assert usage.input_tokens == raw.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    assert usage.output_tokens == raw.output_tokens
    assert usage.raw == wire(raw, exclude_none=True)


class City(BaseModel):
    """A place."""

    name: str
    inhabitants: int


class Country(BaseModel):
    capital: City
    others: list[City] = []
    founded: str | None = None


def test_a_schema_is_written_as_the_sdk_writes_it() -> None:
    schema = Country.model_json_schema()

    ours, theirs = output_schema(schema), transform_schema(schema)

    assert _without_notes(ours) == _without_notes(theirs)
    assert "default" not in ours["properties"]["others"]
    assert "default" in ours["properties"]["others"]["description"]


def _is_said(block: Wire) -> bool:
    return bool(block["text"].strip() or block.get("citations"))


def _comparable(block: Wire) -> Wire:
    """A block without what may differ: the ids of calls, which are made unique, and members that say that there is nothing."""
    told = {name: value for name, value in block.items() if value is not None and value != []}
    return {name: value for name, value in told.items() if name != "id" or block["type"] != "tool_use"}


def _without_notes(schema: Any) -> Any:
    """A schema without descriptions: the SDK writes what the API cannot see to in Python's spelling, we in JSON's."""
    if isinstance(schema, dict):
        return {name: _without_notes(value) for name, value in schema.items() if name != "description"}
    return schema
