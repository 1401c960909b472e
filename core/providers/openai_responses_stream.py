"""OpenAI's responses: how a streamed answer is read. No I/O.

Source: https://platform.openai.com/docs/api-reference/responses-streaming. The last event holds the whole answer once more, so that
what the events before it left out is told then.
"""

from collections.abc import Iterable, Iterator

from ..deltas import StreamEvent
from ..exceptions import LLMAPIError, LLMConnectionError
from ..wire_json import raw_json_value, without_halves
from .openai_responses_items import Wire
from .openai_responses_output import OutputDeltas
from .openai_responses_reply import AnswerReader
from .sse import ServerSentEvent, SseDecoder

DONE = "[DONE]"
_LAST = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


class ResponsesStreamDecoder:
    """Decodes one streamed answer; satisfies StreamDecoder."""

    def __init__(self, reader: AnswerReader) -> None:
        self._reader = reader
        self._events = SseDecoder()
        self._output = OutputDeltas(reader.call.request)
        self._finished = False

    @property
    def complete(self) -> bool:
        """Whether all of the answer has come, though the server may have more to say."""
        return self._finished

    @property
    def finished(self) -> bool:
        """Whether StreamFinished has been given out."""
        return self._finished

    @property
    def arrived(self) -> str:
        """How much of the answer has come, in words."""
        return self._output.arrived

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """The events that end in this chunk; raises LLMAPIError for an error among them, or LLMResponseParsingError."""
        for event in self._sent_events(chunk):
            if not self._finished and event.data != DONE:
                yield from self._read(event)

    def end(self) -> Iterator[StreamEvent]:
        """Nothing, for the last event is the end; raises LLMConnectionError when it has not come."""
        if not self._finished:
            call = self._reader.call
            raise LLMConnectionError(f"the stream of {call.provider} for model {call.request.model!r} broke off", **call.facts)
        yield from ()

    def _sent_events(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        call = self._reader.call
        try:
            yield from self._events.feed(chunk)
        except ValueError as error:
            raise LLMAPIError(f"{call.provider} sent what cannot be read: {error}", retryable=False, **call.facts) from None

    def _read(self, event: ServerSentEvent) -> Iterable[StreamEvent]:
        wire = self._payload(event.data)
        kind = wire.setdefault("type", event.event)
        if kind == "error" or wire.get("error"):
            raise self._reader.failed(wire.get("error") or wire)
        return self._ended(wire) if kind in _LAST else self._output.read(wire)

    def _ended(self, wire: Wire) -> Iterator[StreamEvent]:
        response = wire.get("response")
        yield from self._reader.rest(response if isinstance(response, dict) else {}, self._output)
        self._finished = True

    def _payload(self, data: str) -> Wire:
        try:
            wire = raw_json_value(data)
        except (ValueError, RecursionError) as error:
            raise self._reader.unreadable(data.encode(), "has an event that is no JSON") from error
        if not isinstance(wire, dict):
            raise self._reader.unreadable(data.encode(), "has an event that is no JSON object")
        is_piece = str(wire.get("type")).endswith(".delta")  # the other half of a character may come with the next one
        whole: Wire = wire if is_piece or "\\ud" not in data.lower() else without_halves(wire)
        return whole
