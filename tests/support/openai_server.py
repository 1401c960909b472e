"""A server on loopback that speaks HTTP byte for byte: what it is asked it remembers, what it answers is scripted, faults included."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

JSON = {"content-type": "application/json"}


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
        "model": "served-model",
        "choices": [{"index": 0, "message": message or {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14},
        **changes,
    }
    return {name: value for name, value in payload.items() if value is not None}


class OpenAIServer:
    """Answers with `replies` in turn, then with an ordinary completion."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.seen: list[Seen] = []
        self.arrived = asyncio.Event()
        self.connections = 0
        self._handlers: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where the API is."""
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
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
            await reply.hold.wait()
        writer.write(reply.rest or reply.data)
        await writer.drain()
        return not reply.cut
