"""A forward proxy on loopback, which takes every host for one server: plain requests by their whole URL, others through a tunnel."""

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class ForwardProxy:
    """Passes on what it is asked, and remembers the heads that it could read."""

    def __init__(self, target: str, refusal: bytes = b"") -> None:
        self._target = urlsplit(target)
        self._refusal = refusal
        """Said to all in place of passing anything on."""
        self.heads: list[str] = []
        self._callers: dict[asyncio.StreamWriter, asyncio.Task[None]] = {}

    @property
    def url(self) -> str:
        """Where the proxy is."""
        return "http://{}:{}".format(*self._server.sockets[0].getsockname())

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for caller in self._callers:
            caller.close()
        await asyncio.gather(*self._callers.values())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._callers[writer] = task
        try:
            await self._pass_on(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # one of the two went away
        finally:
            del self._callers[writer]
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head.decode())
        if self._refusal:
            writer.write(self._refusal)
            return
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        method, target, *_ = head.split(b" ")
        if method == b"CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            back.write(head.replace(target, urlsplit(target).path, 1))
        await asyncio.gather(_pipe(reader, back), _pipe(there, writer))


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    finally:
        sink.close()
