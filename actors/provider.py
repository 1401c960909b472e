"""One model endpoint: the actor through which the whole cluster calls it, and its handle."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from ..core.call_context import CallContext
from ..core.deltas import StreamEvent
from ..core.exceptions import ActorError
from ..core.inference import ModelRequest, ModelResponse
from ..core.open_streams import OpenStreams, Pieces
from ..core.ports import ModelPort
from ..core.streaming import events_of
from .links import Link

STREAM_IDLE_S = 60.0
"""Seconds after which a stream that nobody reads is closed."""


class ProviderActor:
    """Calls one endpoint for everybody; `port` is its client, or what joins and keeps the client's answers."""

    def __init__(self, port: ModelPort, close: Callable[[], Awaitable[None]], *, stream_idle_s: float = STREAM_IDLE_S) -> None:
        self._port = port
        self._close = close
        self._streams = OpenStreams(stream_idle_s)

    async def respond(self, call: CallContext, request: ModelRequest) -> ModelResponse:
        """The model's answer."""
        return await self._port.respond(request, call)

    async def begin_stream(self, call: CallContext, stream_id: str, request: ModelRequest) -> Pieces:
        """The first pieces of the model's answer; the id is of the caller's making."""
        return await self._streams.begin(stream_id, events_of(self._port, request, call))

    async def next_pieces(self, call: CallContext, stream_id: str) -> Pieces:
        """See OpenStreams."""
        return await self._streams.next(stream_id)

    async def close_stream(self, call: CallContext, stream_id: str) -> None:
        """See OpenStreams."""
        await self._streams.close(stream_id)

    def health(self) -> dict[str, int]:
        """How many answers stream."""
        return {"streams": len(self._streams)}

    async def stop(self) -> None:
        """Close the connections."""
        await self._streams.close_all()
        await self._close()


class ProviderHandle:
    """StreamingModelPort over a provider actor; `patience_s` is for calls that bring no deadline."""

    def __init__(self, link: Link, patience_s: float) -> None:
        self._link = link
        self._patience_s = patience_s

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """See ModelPort; raises ActorError too."""
        response: ModelResponse = await self._link.ask("respond", self._timed(call), request)
        return response

    async def stream_events(self, request: ModelRequest, call: CallContext) -> AsyncGenerator[StreamEvent, None]:
        """See StreamingModelPort; raises ActorError too. Each piece is asked for within what is left of the call's time."""
        call, stream_id, clock = self._timed(call), uuid.uuid4().hex, asyncio.get_running_loop().time
        deadline = clock() + (call.remaining_s or 0.0)
        try:
            pieces: Pieces = await self._link.ask("begin_stream", call, stream_id, request)
            for event in pieces.events:
                yield event
            while not pieces.ended:
                pieces = await self._link.ask("next_pieces", replace(call, remaining_s=deadline - clock()), stream_id)
                for event in pieces.events:
                    yield event
        finally:
            with suppress(ActorError):  # then it closes by itself
                self._link.tell("close_stream", CallContext(), stream_id)

    def _timed(self, call: CallContext) -> CallContext:
        return replace(call, remaining_s=self._patience_s) if call.remaining_s is None else call
