"""Anthropic's messages as values: answers, the streams they come as, and what decodes them without a network."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from polaris_llm.core.deltas import StreamEvent
from polaris_llm.core.inference import ModelResponse
from polaris_llm.core.providers.anthropic import AnthropicCodec
from polaris_llm.core.providers.exchange import HttpReply

from .model_requests import a_request

Wire = dict[str, Any]

KEY = "sk-ant-very-secret-key"
CODEC = AnthropicCodec(api_key=KEY)
CALL = CODEC.encode(a_request())
HEAD = HttpReply(status=200, headers={"content-type": "text/event-stream"}, body=b"", received_at=0.0)


def text(said: str = "Hello.") -> Wire:
    """A block of text."""
    return {"type": "text", "text": said}


def message(*blocks: Wire, **changes: Any) -> Wire:
    """A whole answer."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "served-model",
        "content": list(blocks) or [text()],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 3},
        **changes,
    }


def response_of(whole: Wire, codec: AnthropicCodec = CODEC) -> ModelResponse:
    """What the codec makes of a whole answer."""
    return codec.decode(CALL, HttpReply(status=200, headers={}, body=json.dumps(whole).encode(), received_at=0.0))


def events_of(*chunks: bytes) -> list[StreamEvent]:
    """All events of one stream that ends."""
    decoder = CODEC.stream_decoder(CALL, HEAD)
    return [*(event for chunk in chunks for event in decoder.feed(chunk)), *decoder.end()]


def sse(*payloads: Wire, line_end: str = "\n") -> bytes:
    """Server-sent events as the API sends them, each named after its type."""
    written = ((payload["type"], json.dumps(payload, ensure_ascii=False)) for payload in payloads)
    return "".join(f"event: {name}{line_end}data: {data}{line_end}{line_end}" for name, data in written).encode()


def start(**changes: Any) -> Wire:
    """The first event of a stream."""
    whole = message(**changes)
    usage = {**whole["usage"], "output_tokens": 1}
    return {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}}


def end(whole: Wire | None = None) -> tuple[Wire, Wire]:
    """The last two events of a stream."""
    whole = whole or message()
    delta = {name: whole[name] for name in ("stop_reason", "stop_sequence", "stop_details", "container") if name in whole}
    return {"type": "message_delta", "delta": delta, "usage": whole["usage"]}, {"type": "message_stop"}


def block(index: int, begun: Wire, *deltas: Wire) -> Iterator[Wire]:
    """The events of one block."""
    yield {"type": "content_block_start", "index": index, "content_block": begun}
    yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
    yield {"type": "content_block_stop", "index": index}


def texts(*pieces: str, index: int = 0) -> Iterator[Wire]:
    """The events of a block of text."""
    return block(index, text(""), *({"type": "text_delta", "text": piece} for piece in pieces))


def stream(blocks: Iterable[Wire], whole: Wire | None = None) -> bytes:
    """A whole stream of some blocks' events."""
    return sse(start(**(whole or {})), {"type": "ping"}, *blocks, *end(whole))
