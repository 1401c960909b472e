"""Google's Gemini: how a streamed answer is read. No I/O.

Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent, with alt=sse. Each event is a whole payload.
Nothing ends the stream but its end: payloads may come after the one with the finish reason. An error may come as bare JSON.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from ..deltas import StreamEvent
from ..exceptions import LLMAPIError, LLMConnectionError
from ..wire_json import json_value
from .exchange import HttpCall, HttpReply
from .google_contents import Wire
from .google_errors import errors_in
from .google_reply import Answer, checked, disguised_error, read_json
from .sse import ServerSentEvent, SseDecoder

MAX_BARE_BYTES = 64 * 1024

_BARE_JSON = re.compile(rb"[\r\n][\[{]")


class GoogleStreamDecoder:
    """Decodes one streamed answer; satisfies StreamDecoder."""

    def __init__(self, call: HttpCall, head: HttpReply) -> None:
        self._call = call
        self._head = head
        self._events = SseDecoder()
        self._answer = Answer(call)
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
        for event in self._sent_events(chunk):
            if event.data.strip():
                yield from self._answer.read(self._payload(event))

    def end(self) -> Iterator[StreamEvent]:
        """The events that are left when no more comes; raises LLMConnectionError when the answer is not complete."""
        self._raise_bare_error()
        if not self.complete:
            message = f"the stream of {self._call.provider} for model {self._call.request.model!r} broke off"
            raise LLMConnectionError(message, **self._call.facts)
        if not self._finished:
            self._finished = True
            yield self._answer.finish()

    def _sent_events(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        try:
            yield from self._events.feed(chunk)
        except ValueError as error:
            raise LLMAPIError(f"{self._call.provider} sent what cannot be read: {error}", retryable=False, **self._call.facts) from None

    def _payload(self, event: ServerSentEvent) -> Wire:
        try:
            payload = json_value(event.data)
            if isinstance(payload, dict) and not payload.get("error"):  # nearly all are such
                return payload
        except (ValueError, RecursionError):
            pass  # told below
        reply = replace(self._head, body=event.data.encode())
        return checked(self._call, reply, read_json(self._call, reply))

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
            raise disguised_error(self._call, self._head, payload)
