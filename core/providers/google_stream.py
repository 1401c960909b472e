"""Google's Gemini: how a streamed answer is read. No I/O.

Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent, with alt=sse. Each event is a whole payload.
Nothing ends the stream but its end: payloads may come after the one with the finish reason. An error may come as bare JSON.
"""

import re
from collections.abc import Iterator

from ..deltas import StreamEvent
from .exchange import HttpCall, HttpReply
from .google_errors import errors_in
from .google_reply import Answer, payloads_of
from .stream_decoder import EventStreamDecoder
from .wire_values import Wire

MAX_BARE_BYTES = 64 * 1024

_BARE_JSON = re.compile(rb"[\r\n][\[{]")


class GoogleStreamDecoder(EventStreamDecoder):
    """Decodes one streamed answer."""

    def __init__(self, call: HttpCall, head: HttpReply, *, keep_raw: bool) -> None:
        self._answer = Answer(call, head)
        self._last_byte = b""
        self._bare = b""
        super().__init__(payloads_of(call, head), self._answer, keep_raw=keep_raw)

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """See EventStreamDecoder."""
        self._keep_bare(chunk)
        return super().feed(chunk)

    def end(self) -> Iterator[StreamEvent]:
        """See EventStreamDecoder; raises LLMAPIError for an error outside of events."""
        self._raise_bare_error()
        return super().end()

    def _read(self, kind: object, payload: Wire) -> Iterator[StreamEvent]:
        yield from self._answer.read(payload)
        self.complete = self._answer.complete

    def _finish(self) -> Iterator[StreamEvent]:
        yield self._ended(self._answer.finish())

    def _keep_bare(self, chunk: bytes) -> None:
        """Keep what begins as JSON outside of events: for those it is nothing."""
        if self._bare:
            self._bare += chunk[: max(0, MAX_BARE_BYTES - len(self._bare))]
        elif found := _BARE_JSON.search(seen := self._last_byte + chunk):
            self._bare = seen[found.start() + 1 :][:MAX_BARE_BYTES]
        self._last_byte = chunk[-1:] or self._last_byte

    def _raise_bare_error(self) -> None:
        payload = next(errors_in(self._bare), None)
        if payload is not None:
            raise self._payloads.failed(payload)
