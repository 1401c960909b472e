"""A server on loopback that speaks HTTP/2 alone, and answers every request with an ordinary chat completion."""

import asyncio
import json
import ssl
from types import TracebackType
from typing import Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamEnded

from .openai_server import completion

BODY = json.dumps(completion()).encode()


class Http2Server:
    """Remembers the paths that it is asked for, and how many connections there were."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        tls.set_alpn_protocols(["h2"])
        self._tls = tls
        self.paths: list[str] = []
        self.connections = 0

    @property
    def url(self) -> str:
        """Where the API is."""
        host, port = self._server.sockets[0].getsockname()
        return f"https://{host}:{port}/v1"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65_536):
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    self.paths.append(dict(event.headers)[b":path"].decode())
                elif isinstance(event, StreamEnded):
                    connection.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/json")])
                    connection.send_data(event.stream_id, BODY, end_stream=True)
            writer.write(connection.data_to_send())
        writer.close()
