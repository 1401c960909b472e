"""Answers in pieces between actors: who reads asks for the next ones, so that ordinary messages carry them, and a slow reader holds
back the model's connection instead of filling memory."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from .deltas import StreamEvent
from .exceptions import LLMIntegrationError, OutcomeUnknownError, SessionError, UnexpectedError

MAX_AHEAD = 256
"""Events that a stream may be ahead of its reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The events that came since the last ones were asked for."""

    events: tuple[StreamEvent, ...]
    ended: bool


class OpenStreams:
    """The streams that an actor has under way, by the ids that their readers chose. One that nobody reads for a while is closed."""

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._streams: dict[str, _Stream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    async def begin(self, stream_id: str, events: AsyncGenerator[StreamEvent, None]) -> Pieces:
        """Begin to read events, and give the first of them; raises what they raise."""
        self._streams[stream_id] = _Stream(events)
        return await self.next(stream_id)

    async def next(self, stream_id: str) -> Pieces:
        """The next events, as soon as there are any; raises what the stream raises, or SessionError for one that is not open."""
        stream = self._streams.get(stream_id)
        if stream is None:
            raise SessionError(f"stream {stream_id} is not open: nobody read it for {self._idle_s:g} s, or it ended")
        stream.watch(None)
        try:
            pieces = await stream.take()
        except BaseException:  # also when its reader gives up: nobody else knows its id
            await self.close(stream_id)
            raise
        if pieces.ended:
            await self.close(stream_id)
        else:
            stream.watch(asyncio.get_running_loop().call_later(self._idle_s, self._abandon, stream_id))
        return pieces

    async def close(self, stream_id: str) -> None:
        """Stop a stream; nothing happens if it is not open."""
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            await stream.stop()

    async def close_all(self) -> None:
        """Stop every stream."""
        await asyncio.gather(*(self.close(stream_id) for stream_id in tuple(self._streams)))

    def _abandon(self, stream_id: str) -> None:
        stream = self._streams.pop(stream_id, None)
        if stream is not None:
            stream.cancel()


class _Stream:
    """One stream: a task of its own reads it, up to MAX_AHEAD events ahead of who takes them."""

    def __init__(self, events: AsyncGenerator[StreamEvent, None]) -> None:
        self._read: deque[StreamEvent] = deque()
        self._more, self._room = asyncio.Event(), asyncio.Event()
        self._reading = asyncio.create_task(self._read_all(events))
        self._reading.add_done_callback(lambda _: self._more.set())
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, timer: asyncio.TimerHandle | None) -> None:
        """Replace what closes the stream when nobody reads it."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer

    async def take(self) -> Pieces:
        """What has been read, as soon as there is something; raises what the stream raised, once all before that was taken."""
        while not (self._read or self._reading.done()):
            self._more.clear()
            await self._more.wait()
        events = tuple(self._read)
        self._read.clear()
        self._room.set()
        if not events and (error := self._error()) is not None:
            raise error
        return Pieces(events=events, ended=self._reading.done() and self._error() is None)

    def cancel(self) -> None:
        """Stop reading soon."""
        self.watch(None)
        self._reading.cancel()

    async def stop(self) -> None:
        """Stop reading, and return when the stream is closed."""
        self.cancel()
        await asyncio.wait({self._reading})

    def _error(self) -> LLMIntegrationError | None:
        if not self._reading.done():
            return None
        if self._reading.cancelled():
            return OutcomeUnknownError("the stream was stopped before its end")
        error = self._reading.exception()
        return error if error is None or isinstance(error, LLMIntegrationError) else UnexpectedError.of(error)

    async def _read_all(self, events: AsyncGenerator[StreamEvent, None]) -> None:
        async with aclosing(events):
            async for event in events:
                while len(self._read) >= MAX_AHEAD:
                    self._room.clear()
                    await self._room.wait()
                self._read.append(event)
                self._more.set()
