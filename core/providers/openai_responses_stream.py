"""OpenAI's responses: how a streamed answer is read. No I/O.

Source: https://platform.openai.com/docs/api-reference/responses-streaming. The last event holds the whole answer once more, so that
what the events before it left out is told then.
"""

from collections.abc import Iterable, Iterator

from ..deltas import StreamEvent, StreamFinished
from .openai_responses_output import OutputDeltas
from .openai_responses_reply import AnswerReader
from .stream_decoder import EventStreamDecoder
from .wire_values import Wire

_LAST = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


class ResponsesStreamDecoder(EventStreamDecoder):
    """Decodes one streamed answer, which is complete with its last event alone."""

    def __init__(self, reader: AnswerReader) -> None:
        self._reader = reader
        self._output = OutputDeltas(reader.call.request)
        super().__init__(reader.payloads, self._output)

    def _is_piece(self, payload: Wire) -> bool:
        return str(payload.get("type")).endswith(".delta")

    def _read(self, kind: object, payload: Wire) -> Iterable[StreamEvent]:
        payload["type"] = kind  # some servers name it by the event alone
        return self._last(payload) if kind in _LAST else self._output.read(payload)

    def _last(self, payload: Wire) -> Iterator[StreamEvent]:
        response = payload.get("response")
        for event in self._reader.rest(response if isinstance(response, dict) else {}, self._output):
            yield self._ended(event) if isinstance(event, StreamFinished) else event
