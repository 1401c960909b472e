"""OpenAI's responses on the wire, every one and every event written by the SDK's own models; and read without a network."""

from collections.abc import Callable, Iterator
from typing import Any, get_args

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel

from polaris_llm.core.deltas import StreamEvent
from polaris_llm.core.inference import ModelResponse
from polaris_llm.core.providers.exchange import HttpReply
from polaris_llm.core.providers.openai_responses import OpenAIResponsesCodec

from .model_requests import a_request
from .openai_server import sse

KEY = "sk-very-secret-key"
CODEC = OpenAIResponsesCodec(base_url="http://localhost:8080", api_key=KEY, keep_raw=True)
CALL = CODEC.encode_stream(a_request())
HEAD = HttpReply(status=200, headers={"content-type": "text/event-stream", "x-request-id": "req_1"}, body=b"", received_at=0.0)
USAGE = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 16, "cache_write_tokens": 2},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 29,
}

Item = dict[str, Any]  # JSON of the wire
Cut = Callable[[str], list[str]]

_EVENTS: dict[str, type[BaseModel]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(get_args(ResponseStreamEvent)[0])
}
_TEXT_EVENTS = {
    "output_text": "output_text",
    "refusal": "refusal",
    "reasoning_text": "reasoning_text",
    "summary_text": "reasoning_summary_text",
}


def message(*texts: str, item_id: str = "msg_1") -> Item:
    """An item that says something."""
    content = [{"type": "output_text", "text": text, "annotations": []} for text in texts]
    return {"id": item_id, "type": "message", "role": "assistant", "status": "completed", "content": content}


def refusal(text: str, item_id: str = "msg_1") -> Item:
    """An item that says no."""
    return {**message(item_id=item_id), "content": [{"type": "refusal", "refusal": text}]}


def thought(*summaries: str, item_id: str = "rs_1", **rest: Any) -> Item:
    """An item of reasoning; `rest` are its other members."""
    return {"id": item_id, "type": "reasoning", "summary": [{"type": "summary_text", "text": text} for text in summaries], **rest}


def tool_call(call_id: str = "call_1", name: str = "weather", arguments: str = '{"city": "Bern"}', **rest: Any) -> Item:
    """An item that calls a tool."""
    return {"id": f"fc_{call_id}", "type": "function_call", "call_id": call_id, "name": name, "arguments": arguments, **rest}


def payload(*items: Item, **changes: Any) -> dict[str, Any]:
    """A whole response; a change of None leaves the member out."""
    wire: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1790000000.0,
        "status": "completed",
        "model": "served-model",
        "output": list(items),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": USAGE,
        **changes,
    }
    said = {name: value for name, value in wire.items() if value is not None}
    return Response.model_validate(said).model_dump(mode="json", by_alias=True, exclude_unset=True)


def event(kind: str, **fields: Any) -> dict[str, Any]:
    """One event of a stream."""
    needed: Item = {"logprobs": []} if kind.startswith("response.output_text.") and "annotation" not in kind else {}
    said = _EVENTS[kind].model_validate({"type": kind, "sequence_number": 0, **needed, **fields})
    return said.model_dump(mode="json", by_alias=True, exclude_unset=True)


def uncut(text: str) -> list[str]:
    """A text in one piece."""
    return [text]


def events(whole: dict[str, Any], cut: Cut = uncut) -> Iterator[dict[str, Any]]:
    """A response as a stream, its texts in the pieces that `cut` makes."""
    yield from opening(whole)
    for number, item in enumerate(whole["output"]):
        yield from item_events(number, item, cut)
    yield ending(whole)


def opening(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events before the first item."""
    begun = {**whole, "output": [], "status": "in_progress", "usage": None, "incomplete_details": None}
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)


def ending(whole: dict[str, Any]) -> dict[str, Any]:
    """The last event."""
    return event(f"response.{whole['status']}", response=whole)


def item_events(number: int, item: Item, cut: Cut = uncut) -> Iterator[dict[str, Any]]:
    """The events of one item."""
    place = {"item_id": item.get("id") or "", "output_index": number}
    emptied: Item = {name: [] for name in ("content", "summary") if item.get(name) is not None}
    if item["type"] == "function_call":
        yield event("response.output_item.added", output_index=number, item={**item, "arguments": "", "status": "in_progress"})
        for piece in cut(item["arguments"]):
            yield event("response.function_call_arguments.delta", delta=piece, **place)
        yield event("response.function_call_arguments.done", arguments=item["arguments"], **place)
    elif item["type"] in ("message", "reasoning"):
        yield event("response.output_item.added", output_index=number, item={**item, **emptied, "status": "in_progress"})
        for index, entry in enumerate(item.get("summary") or ()):
            yield from _entry_events({**place, "summary_index": index}, entry, "reasoning_summary_part", cut)
        for index, entry in enumerate(item.get("content") or ()):
            yield from _entry_events({**place, "content_index": index}, entry, "content_part", cut)
    else:
        yield event("response.output_item.added", output_index=number, item=item)
    yield event("response.output_item.done", output_index=number, item=item)


def _entry_events(place: dict[str, Any], entry: Item, part: str, cut: Cut) -> Iterator[dict[str, Any]]:
    field = "refusal" if entry["type"] == "refusal" else "text"
    yield event(f"response.{part}.added", part={**entry, field: ""}, **place)
    for piece in cut(entry[field]):
        yield event(f"response.{_TEXT_EVENTS[entry['type']]}.delta", delta=piece, **place)
    yield event(f"response.{_TEXT_EVENTS[entry['type']]}.done", **{field: entry[field]}, **place)
    yield event(f"response.{part}.done", part=entry, **place)


def decoded(whole: object) -> ModelResponse:
    """The answer that a response means."""
    return CODEC.decode(CALL, as_reply(whole))


def as_reply(whole: object) -> HttpReply:
    """A reply of status 200 whose body is one event's data, without the event."""
    return HttpReply(status=200, headers=HEAD.headers, body=sse(whole).removeprefix(b"data: ").strip(), received_at=0.0)


def deltas_of(*chunks: bytes) -> list[StreamEvent]:
    """All events of one stream that ends."""
    decoder = CODEC.stream_decoder(CALL, HEAD)
    return [*(event for chunk in chunks for event in decoder.feed(chunk)), *decoder.end()]
