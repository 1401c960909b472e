"""OpenAI's responses: how a streamed answer is read. No I/O.

Source: https://platform.openai.com/docs/api-reference/responses-streaming. The last event holds the whole answer once more, so that
what the events before it left out is told then.
"""

from collections.abc import Iterable, Iterator

from ..deltas import StreamEvent
from ..wire_json import without_halves
from .openai_responses_output import OutputDeltas
from .openai_responses_reply import AnswerReader
from .sent_events import SentEvents
from .sse import ServerSentEvent
from .wire_values import Wire

DONE = "[DONE]"
_LAST = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


class ResponsesStreamDecoder:
    """Decodes one streamed answer; satisfies StreamDecoder."""

    def __init__(self, reader: AnswerReader) -> None:
        self._reader = reader
        self._payloads = reader.payloads
        self._events = SentEvents(reader.call)
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
        for event in self._events.feed(chunk):
            if not self._finished and event.data != DONE:
                yield from self._read(event)

    def end(self) -> Iterator[StreamEvent]:
        """Nothing, for the last event is the end; raises LLMConnectionError when it has not come."""
        if not self._finished:
            raise self._events.broken_off()
        yield from ()

    def _read(self, event: ServerSentEvent) -> Iterable[StreamEvent]:
        wire = self._payload(event.data)
        kind = wire.setdefault("type", event.event)
        if kind == "error" or wire.get("error"):
            raise self._payloads.failed({"error": wire.get("error") or wire})
        return self._ended(wire) if kind in _LAST else self._output.read(wire)

    def _ended(self, wire: Wire) -> Iterator[StreamEvent]:
        response = wire.get("response")
        yield from self._reader.rest(response if isinstance(response, dict) else {}, self._output)
        self._finished = True

    def _payload(self, data: str) -> Wire:
        wire = self._payloads.event(data)
        is_piece = str(wire.get("type")).endswith(".delta")  # the other half of a character may come with the next one
        whole: Wire = wire if is_piece or "\\ud" not in data.lower() else without_halves(wire)
        return whole
