"""OpenAI's responses, as its SDK's models write them: a stream is the same answer as the whole, and all of it can go back."""

import json
from contextlib import suppress
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import (
    Response,
    ResponseFunctionToolCall,
    ResponseOutputItem,
    ResponseOutputMessage,
    ResponseReasoningItem,
)

from polaris_llm.core.exceptions import LLMIntegrationError
from polaris_llm.core.parts import ToolCallPart
from polaris_llm.core.stream_folding import fold
from support.cuts import cut, cut_text
from support.model_requests import a_request
from support.model_strategies import JSON_OBJECTS
from support.openai_server import DONE, sse
from support.responses_streams import CODEC, decoded, deltas_of, ending, events, item_events, message, opening, payload
from support.sdk_strategies import said_by

OTHER_MODELS = [model for model in get_args(get_args(ResponseOutputItem)[0]) if model is not ResponseFunctionToolCall]
ARGUMENTS = JSON_OBJECTS.map(json.dumps) | JSON_OBJECTS.map(lambda value: json.dumps(value, ensure_ascii=False)) | st.text(max_size=8)
CALLS = st.builds(
    lambda item, arguments: {**item, "type": "function_call", "arguments": arguments}, said_by(ResponseFunctionToolCall), ARGUMENTS
)
ITEMS = st.one_of(CALLS, said_by(ResponseOutputMessage), said_by(ResponseReasoningItem), *map(said_by, OTHER_MODELS))
ENDINGS: list[dict[str, Any]] = [
    {"status": "completed"},
    {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
    {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
]


@st.composite
def responses(draw: st.DrawFn) -> dict[str, Any]:
    """A response of any items, whose calls have ids of their own."""
    items = draw(st.lists(ITEMS, max_size=4))
    for number, item in enumerate(items):
        if item["type"] == "function_call":
            item["call_id"] = f"call_{number}"
    return draw(said_by(Response, id="resp_1", output=items, error=None, **draw(st.sampled_from(ENDINGS))))


def taking_turns(data: st.DataObject, streams: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The events of several items, each item's in order."""
    mixed = []
    while streams := [stream for stream in streams if stream]:
        mixed.append(streams[data.draw(st.integers(0, len(streams) - 1))].pop(0))
    return mixed


@given(st.data(), responses())
def test_folded_events_equal_the_whole_answer(data: st.DataObject, whole: dict[str, Any]) -> None:
    streams = [list(item_events(number, item, lambda text: cut_text(data, text))) for number, item in enumerate(whole["output"])]
    sent = [*opening(whole), *taking_turns(data, streams), ending(whole)]
    line_end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))

    response = fold(deltas_of(*cut(data, sse(*map(json.dumps, sent), line_end=line_end))))

    assert response == decoded(whole)


@given(st.data(), responses())
def test_what_events_left_out_is_told_by_the_last_one(data: st.DataObject, whole: dict[str, Any]) -> None:
    sent = [each for each in events(whole) if each["type"] == f"response.{whole['status']}" or data.draw(st.booleans())]
    kept = [each for each in sent if not each["type"].endswith(".delta")]  # a text without its middle is no server's habit

    assert fold(deltas_of(sse(*kept))) == decoded(whole)


@given(st.lists(ITEMS, max_size=4))
def test_an_answer_goes_back_as_it_came(items: list[dict[str, Any]]) -> None:
    response = decoded(payload(*items))
    calls = iter([part for part in response.parts if isinstance(part, ToolCallPart)])

    sent = json.loads(CODEC.encode(a_request(messages=(response.as_message(),))).body)["input"]

    assert sent == [returned(item, calls) for item in items] or (
        not items and sent == [{"type": "message", "role": "assistant", "content": ""}]
    )


def returned(item: dict[str, Any], calls: Any) -> dict[str, Any]:
    """An item as the input has it: without members that are null, and arguments written anew."""
    said = {name: value for name, value in item.items() if value is not None}
    match item["type"]:
        case "message":
            said["content"] = [{name: value for name, value in entry.items() if value is not None} for entry in item["content"]]
        case "reasoning":
            said = {name: value for name, value in said.items() if name != "content" or value}
        case "function_call":
            call = next(calls)
            arguments = call.arguments if call.malformed is None else {"malformed": call.malformed}
            said |= {"call_id": call.call_id, "arguments": json.dumps(arguments, ensure_ascii=False)}
    return said


HELLO = [*events(payload(message("x")))]
JUNK = [b"data: {", b"\n\n", b'"error":1}', DONE, sse({"type": "response.output_text.delta"}), sse({"type": "error"}), sse({"type": 3})]
ODD_EVENTS = st.builds(lambda kind, rest: {**rest, "type": kind}, st.sampled_from([each["type"] for each in HELLO]), JSON_OBJECTS)


@given(st.binary(max_size=60) | st.lists(st.sampled_from([*map(sse, HELLO), *JUNK]) | ODD_EVENTS.map(sse)).map(b"".join))
def test_whatever_comes_is_an_answer_or_an_error_of_ours(stream: bytes) -> None:
    with suppress(LLMIntegrationError):
        assert fold(deltas_of(stream)).provider == "openai"
