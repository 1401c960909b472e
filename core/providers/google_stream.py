"""Google's Gemini: how a streamed answer is read. No I/O.

Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent, with alt=sse. Each event is a whole payload.
Nothing ends the stream but its end: payloads may come after the one with the finish reason. An error may come as bare JSON.
"""

import re
from collections.abc import Iterator

from ..deltas import StreamEvent
from ..wire_json import json_value
from .exchange import HttpCall, HttpReply
from .google_errors import errors_in
from .google_reply import Answer, payloads_of
from .sent_events import SentEvents

MAX_BARE_BYTES = 64 * 1024

_BARE_JSON = re.compile(rb"[\r\n][\[{]")


class GoogleStreamDecoder:
    """Decodes one streamed answer; satisfies StreamDecoder."""

    def __init__(self, call: HttpCall, head: HttpReply) -> None:
        self._payloads = payloads_of(call, head)
        self._events = SentEvents(call)
        self._answer = Answer(call, head)
        self._last_byte = b""
        self._bare = b""
        self._finished = False

    @property
    def complete(self) -> bool:
        """Whether the model, or its provider, has said why there is no more; more may come all the same."""
        return self._finished or self._answer.complete

    @property
    def finished(self) -> bool:
        """Whether StreamFinished has been given out."""
        return self._finished

    @property
    def arrived(self) -> str:
        """How much of the answer has come, in words."""
        return self._answer.arrived

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """The events that end in this chunk; raises LLMAPIError for an error among them, or LLMResponseParsingError."""
        self._keep_bare(chunk)
        for event in self._events.feed(chunk):
            if event.data.strip():
                payload = self._payloads.event(event.data, json_value)
                if payload.get("error"):
                    raise self._payloads.failed(payload)
                yield from self._answer.read(payload)

    def end(self) -> Iterator[StreamEvent]:
        """The events that are left when no more comes; raises LLMConnectionError when the answer is not complete."""
        self._raise_bare_error()
        if not self.complete:
            raise self._events.broken_off()
        if not self._finished:
            self._finished = True
            yield self._answer.finish()

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
