"""A streamed answer, whatever its wire: events out of bytes, their JSON, errors among them, and an end that comes too soon. No I/O."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from ..deltas import StreamEvent, StreamFinished
from ..exceptions import LLMAPIError, LLMConnectionError
from ..wire_json import without_halves
from .payloads import Payloads
from .raw_events import RawEvents
from .sse import ServerSentEvent, SseDecoder
from .wire_values import Wire

DONE = "[DONE]"
"""What servers of OpenAI's kind say last, whatever wire they speak."""


class Arriving(Protocol):
    """What an answer's pieces are read by."""

    @property
    def arrived(self) -> str:
        """How much of the answer has come, in words."""
        ...


class EventStreamDecoder:
    """The base of the decoders of streamed answers; satisfies StreamDecoder.

    A wire's own says what an event means (`_read`), how the answer ends (`_finish`), and sets `complete` when that may be.
    """

    def __init__(self, payloads: Payloads, arriving: Arriving, *, keep_raw: bool = False) -> None:
        self.complete = False
        """Whether all of the answer has come, though the server may have more to say."""
        self.finished = False
        """Whether StreamFinished has been given out."""
        self._call = payloads.call
        self._payloads = payloads
        self._arriving = arriving
        self._events = SseDecoder()
        self._raw = RawEvents() if keep_raw else None

    @property
    def arrived(self) -> str:
        """How much of the answer has come, in words."""
        return self._arriving.arrived

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """The events that end in this chunk; raises LLMAPIError for an error among them, or LLMResponseParsingError."""
        for event in self._sent(chunk):
            data = event.data.strip()
            if self.finished or not data:
                continue
            if data == DONE:
                yield from self._done()
            else:
                payload = self._payload(data, event)
                yield from self._read(payload.get("type", event.event), payload)

    def end(self) -> Iterator[StreamEvent]:
        """The events that are left when no more comes; raises LLMConnectionError when the answer is not complete."""
        if not self.complete:
            provider, model = self._call.provider, self._call.request.model
            raise LLMConnectionError(f"the stream of {provider} for model {model!r} broke off", **self._call.facts)
        if not self.finished:
            yield from self._finish()

    def _read(self, kind: object, payload: Wire) -> Iterable[StreamEvent]:
        """What an event of this kind means."""
        raise NotImplementedError

    def _finish(self) -> Iterable[StreamEvent]:
        """What is left to be told of a complete answer, to its StreamFinished."""
        raise NotImplementedError

    def _done(self) -> Iterable[StreamEvent]:
        """What it means that the server says that it is done."""
        return self._finish() if self.complete else ()

    def _is_piece(self, payload: Wire) -> bool:
        """Whether an event brings a piece of a text, which may end in half a character: the other half may come with the next."""
        return False

    def _ended(self, end: StreamFinished) -> StreamFinished:
        """The last event, which must be given out now."""
        self.complete = self.finished = True
        return replace(end, metadata={**end.metadata, **self._raw.told()}) if self._raw else end

    def _sent(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        try:
            yield from self._events.feed(chunk)
        except ValueError as error:
            raise LLMAPIError(f"{self._call.provider} sent what cannot be read: {error}", retryable=False, **self._call.facts) from None

    def _payload(self, data: str, event: ServerSentEvent) -> Wire:
        payload = self._payloads.event(data)
        if self._raw is not None:
            self._raw.add(data)
        if payload.get("error"):
            raise self._payloads.failed(payload)
        if "error" in (payload.get("type"), event.event):
            raise self._payloads.failed({"error": payload})
        if not self._is_piece(payload) and "\\ud" in data.lower():
            payload = without_halves(payload)
        return payload
