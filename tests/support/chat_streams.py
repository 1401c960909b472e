"""Streamed chat completions, decoded without a network."""

from typing import Any

from polaris_llm.core.deltas import StreamEvent
from polaris_llm.core.providers.exchange import HttpReply
from polaris_llm.core.providers.openai_chat import OpenAIChatCodec

from .model_requests import a_request

CODEC = OpenAIChatCodec(provider="local", base_url="http://localhost:8080", api_key="sk-very-secret-key")
CALL = CODEC.encode_stream(a_request())
HEAD = HttpReply(status=200, headers={"content-type": "text/event-stream"}, body=b"", received_at=0.0)


def events_of(*chunks: bytes) -> list[StreamEvent]:
    """All events of one stream that ends."""
    decoder = CODEC.stream_decoder(CALL, HEAD)
    return [*(event for chunk in chunks for event in decoder.feed(chunk)), *decoder.end()]


def calls(*wires: dict[str, Any]) -> dict[str, Any]:
    """A delta with pieces of tool calls."""
    return {"tool_calls": list(wires)}
