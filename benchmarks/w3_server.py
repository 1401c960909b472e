"""A model server for W3, in a process of its own: canned answers of every wire, 1 KB whole or 200 server-sent events.

    python -m benchmarks.w3_server

Prints its port, and serves until it is ended.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from .cores import pin

EVENTS = 200
TEXT = ("All intermediate results were checked with the calculator, one after another, and none of them was found to be wrong. " * 6)[:640]

Wire = dict[str, Any]  # JSON of the wire


def _words() -> list[str]:
    return [f" word{number}" for number in range(EVENTS)]


def _chat() -> tuple[Wire, list[Wire | str]]:
    usage = {"prompt_tokens": 400, "completion_tokens": 100, "total_tokens": 500, "prompt_tokens_details": {"cached_tokens": 0}}
    head = {"id": "chatcmpl-1", "created": 1_790_000_000, "model": "served-model", "system_fingerprint": "fp_1"}
    message = {"role": "assistant", "content": TEXT, "refusal": None, "annotations": []}
    whole = {"object": "chat.completion", "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}]}

    def piece(delta: Wire, reason: str | None = None) -> Wire:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**head, "object": "chat.completion.chunk", "choices": [choice]}

    return {**head, **whole, "usage": usage}, [*(piece({"content": word}) for word in _words()), piece({}, "stop"), "[DONE]"]


def _responses() -> tuple[Wire, list[Wire | str]]:
    details: Wire = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    usage = {"input_tokens": 400, "output_tokens": 100, "total_tokens": 500, **details}
    head: Wire = {"id": "resp_1", "object": "response", "created_at": 1_790_000_000, "model": "served-model", "error": None}
    head |= {"incomplete_details": None, "tools": [], "tool_choice": "auto", "parallel_tool_calls": True, "temperature": 0.1}

    def item(text: str) -> Wire:
        content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
        return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}

    def events() -> Iterator[Wire]:
        place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        yield {"type": "response.created", "response": {**head, "status": "in_progress", "output": []}}
        yield {"type": "response.output_item.added", "output_index": 0, "item": {**item(""), "content": []}}
        for word in _words():
            yield {"type": "response.output_text.delta", **place, "delta": word, "logprobs": []}
        text = "".join(_words())
        yield {"type": "response.output_item.done", "output_index": 0, "item": item(text)}
        yield {"type": "response.completed", "response": {**head, "status": "completed", "output": [item(text)], "usage": usage}}

    numbered: list[Wire | str] = [{**event, "sequence_number": number} for number, event in enumerate(events())]
    return {**head, "status": "completed", "output": [item(TEXT)], "usage": usage}, numbered


def _anthropic() -> tuple[Wire, list[Wire | str]]:
    usage = {"input_tokens": 400, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 100}
    head: Wire = {"id": "msg_1", "type": "message", "role": "assistant", "model": "served-model", "stop_sequence": None}
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    pieces = ({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in _words())
    events: list[Wire | str] = [
        {"type": "message_start", "message": {**head, "content": [], "stop_reason": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *pieces,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ending, "usage": {"output_tokens": 100}},
        {"type": "message_stop"},
    ]
    return {**head, **ending, "content": [{"type": "text", "text": TEXT}], "usage": usage}, events


def _google() -> tuple[Wire, list[Wire | str]]:
    usage = {"promptTokenCount": 400, "candidatesTokenCount": 100, "totalTokenCount": 500}

    def answer(text: str, **rest: str) -> Wire:
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, **rest}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "served-model", "responseId": "r-1"}

    pieces = [answer(word) for word in _words()[:-1]]
    return answer(TEXT, finishReason="STOP"), [*pieces, answer(_words()[-1], finishReason="STOP")]


class _Replies:
    """What is sent for one wire."""

    def __init__(self, whole: Wire, events: list[Wire | str]) -> None:
        body = json.dumps(whole).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_1\r\ncontent-length: {len(body)}\r\n\r\n"
        self.whole = head.encode() + body
        self.events = [_chunk(_event(event)) for event in events]
        self.head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"


def _event(event: Wire | str) -> bytes:
    if isinstance(event, str):
        return f"data: {event}\n\n".encode()
    named = f"event: {event['type']}\n" if "type" in event else ""
    return f"{named}data: {json.dumps(event)}\n\n".encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


REPLIES = {
    b"/chat/completions": _Replies(*_chat()),
    b"/responses": _Replies(*_responses()),
    b"/messages": _Replies(*_anthropic()),
    b"enerateContent": _Replies(*_google()),
}


class _Connection(asyncio.Protocol):
    """Answers one request after the other, each as soon as it is whole."""

    def connection_made(self, transport: Any) -> None:  # uvloop's is none of asyncio's classes
        self._transport, self._received = transport, b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while request := self._next():
            head, body = request
            replies = next(replies for path, replies in REPLIES.items() if path in head.partition(b"\r\n")[0])
            if b'"stream":true' in body or b"streamGenerate" in head:
                self._transport.write(replies.head)
                self._send(replies, 0)
            else:
                self._transport.write(replies.whole)

    def _next(self) -> tuple[bytes, bytes] | None:
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return None
        _, named, value = head.lower().partition(b"content-length:")
        if not named:  # without a length, what a client sends would be chunked
            raise ValueError("a request has no content-length")
        size = int(value.partition(b"\r\n")[0])
        if len(rest) < size:
            return None
        self._received = rest[size:]
        return head, rest[:size]

    def _send(self, replies: _Replies, number: int) -> None:
        """One event a turn of the loop, as a model would: streams of several clients take turns."""
        if self._transport.is_closing():
            return
        if number == len(replies.events):
            self._transport.write(b"0\r\n\r\n")
            return
        self._transport.write(replies.events[number])
        asyncio.get_running_loop().call_soon(self._send, replies, number + 1)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    pin("server")
    with suppress(KeyboardInterrupt, ImportError):
        import uvloop

        uvloop.run(_serve())
