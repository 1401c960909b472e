"""A server on loopback that speaks HTTP byte for byte: what it is asked it remembers, what it answers is scripted, faults included."""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

JSON = {"content-type": "application/json"}
EVENT_STREAM = {"content-type": "text/event-stream"}
CREATED = 1_790_000_000
"""When a model answered, in seconds since 1970-01-01 UTC."""
END = b"0\r\n\r\n"
"""Of a body that comes in chunks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as it arrived."""

    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body's JSON."""
        payload: dict[str, Any] = json.loads(self.body)
        return payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is sent back: some bytes, once `hold` is set, and then perhaps a cut connection."""

    data: bytes
    hold: asyncio.Event | None = None
    rest: bytes = b""
    """Sent after `hold`, when `data` is to go before it."""
    cut: bool = False


def http(status: int, body: bytes = b"", headers: Mapping[str, str] = JSON) -> Reply:
    """A whole HTTP reply."""
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items()), f"content-length: {len(body)}"]
    return Reply(data="\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def as_json(status: int, payload: object, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply whose body is JSON."""
    return http(status, json.dumps(payload).encode(), {**JSON, **(headers or {})})


def completion(message: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A chat completion's payload; a change of None leaves the field out."""
    payload = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": CREATED,
        "model": "served-model",
        "choices": [{"index": 0, "message": message or {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
        **changes,
    }
    return {name: value for name, value in payload.items() if value is not None}


def chunk(data: bytes) -> bytes:
    """A piece of a body that comes in chunks."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def stream_head(headers: Mapping[str, str] = EVENT_STREAM, status: int = 200) -> bytes:
    """The head of a reply whose body comes in chunks."""
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items()), "transfer-encoding: chunked"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def streamed(*pieces: bytes, headers: Mapping[str, str] = EVENT_STREAM) -> Reply:
    """A whole reply whose body comes in chunks."""
    return Reply(data=stream_head(headers) + b"".join(map(chunk, pieces)) + END)


def held_after(*pieces: bytes, hold: asyncio.Event | None = None, rest: bytes = END) -> Reply:
    """A stream that stops after some pieces, for good unless `hold` is set."""
    return Reply(data=stream_head() + b"".join(map(chunk, pieces)), hold=hold or asyncio.Event(), rest=rest)


def sse(*payloads: object, line_end: str = "\n") -> bytes:
    """Server-sent events, one for each payload; a string goes as it is."""
    written = (payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False) for payload in payloads)
    return "".join(f"data: {data}{line_end}{line_end}" for data in written).encode()


def piece(delta: dict[str, Any] | None = None, finish_reason: str | None = None, **changes: Any) -> dict[str, Any]:
    """One payload of a streamed chat completion; a change of None leaves the field out."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish_reason}
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": "served-model"}
    payload = {**frame, "choices": [choice], **changes}
    return {name: value for name, value in payload.items() if value is not None}


def texts(*pieces: str) -> bytes:
    """The events of some text."""
    return sse(*(piece({"content": text}) for text in pieces))


FINISH = sse(piece(finish_reason="stop"))
USAGE = sse(piece(choices=[], usage={"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}))
DONE = sse("[DONE]")


class OpenAIServer:
    """Answers with `replies` in turn, then with an ordinary completion."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.replies: deque[Reply] = deque()
        self.seen: list[Seen] = []
        self.arrived = asyncio.Event()
        self.left = asyncio.Event()
        """Set when a client has gone away while an answer was held."""
        self.connections = 0
        self._handlers: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where the API is."""
        host, port = self._server.sockets[0].getsockname()
        return f"{'https' if self._tls else 'http'}://{host}:{port}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await self._server.wait_closed()

    def will(self, *replies: Reply) -> None:
        """Answer the next requests so."""
        self.replies.extend(replies)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        try:
            while await self._answer_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away
        finally:
            self._handlers.discard(task)
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rest = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.seen.append(Seen(line=line, headers=headers, body=body))
        self.arrived.set()
        reply = self.replies.popleft() if self.replies else as_json(200, completion())
        if reply.rest:
            writer.write(reply.data)
        if reply.hold is not None:
            await self._hold(reply.hold, reader)
        writer.write(reply.rest or reply.data)
        await writer.drain()
        return not reply.cut

    async def _hold(self, hold: asyncio.Event, reader: asyncio.StreamReader) -> None:
        held, gone = asyncio.create_task(hold.wait()), asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait({held, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                self.left.set()
                raise ConnectionResetError("the client went away")
        finally:
            held.cancel()
            gone.cancel()
            await asyncio.gather(held, gone, return_exceptions=True)
