"""Streamed chat completions, decoded without a network."""

from typing import Any

from hypothesis import strategies as st

from polaris_llm.core.deltas import StreamEvent
from polaris_llm.core.providers.exchange import HttpReply
from polaris_llm.core.providers.openai_chat import OpenAIChatCodec

from .cuts import cut_text
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


def deltas_of(data: st.DataObject, message: dict[str, Any]) -> list[dict[str, Any]]:
    """A message in pieces: its texts one after the other, in any order, and the calls at the end."""
    names = data.draw(st.permutations([name for name in ("content", "refusal") if message.get(name)]))
    name = next((name for name in ("reasoning_content", "reasoning") if message.get(name)), None)
    pieces = [{each: text} for each in ([name] if name else []) + list(names) for text in cut_text(data, message[each])]
    for index, wire in enumerate(message.get("tool_calls", ())):
        first, *rest = cut_text(data, wire["function"]["arguments"])
        pieces.append(calls({**wire, "index": index, "function": {**wire["function"], "arguments": first}}))
        pieces += [calls({"index": index, "function": {"arguments": text}}) for text in rest]
    return [{"role": "assistant", "content": None}, *pieces]
