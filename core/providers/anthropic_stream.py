"""Anthropic's messages: how a streamed answer is read, to the same answer as a whole one. No I/O.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming. Events that are not known are passed over, as it asks.
`anthropic_blocks.py` reads the blocks in it.
"""

from collections.abc import Iterator

from ..deltas import StreamEvent, StreamFinished, UsageReport
from ..wire_json import without_halves
from .anthropic_blocks import BlockDeltas
from .anthropic_reply import is_error, payloads_of, read_facts, read_usage
from .exchange import HttpCall, HttpReply
from .sent_events import SentEvents
from .sse import ServerSentEvent
from .wire_values import Wire

_DONE = "[DONE]"
"""What some compatible servers say last, as OpenAI does."""


class MessageStreamDecoder:
    """Decodes one streamed answer; satisfies StreamDecoder."""

    def __init__(self, call: HttpCall, head: HttpReply) -> None:
        self._call = call
        self._payloads = payloads_of(call, head)
        self._events = SentEvents(call)
        self._blocks = BlockDeltas(call.request)
        self._message: Wire = {}
        self._usage: Wire = {}
        self._unreported = False
        self._finished = False

    @property
    def complete(self) -> bool:
        """Whether all of the answer has come, though the server may have more to say."""
        return self._finished or self._message.get("stop_reason") is not None

    @property
    def finished(self) -> bool:
        """Whether StreamFinished has been given out."""
        return self._finished

    @property
    def arrived(self) -> str:
        """How much of the answer has come, in words."""
        return self._blocks.arrived

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """The events that end in this chunk; raises LLMAPIError for an error among them, or LLMResponseParsingError."""
        for event in self._events.feed(chunk):
            data = event.data.strip()
            if not self._finished and data and data != _DONE:
                yield from self._read(event, data)

    def end(self) -> Iterator[StreamEvent]:
        """The events that are left when no more comes; raises LLMConnectionError when the answer is not complete."""
        if not self.complete:
            raise self._events.broken_off()
        if not self._finished:
            yield from self._finish()

    def _read(self, event: ServerSentEvent, data: str) -> Iterator[StreamEvent]:
        payload = self._payloads.event(data)
        if is_error(payload) or event.event == "error":
            raise self._payloads.failed(payload)
        if payload.get("type") != "content_block_delta" and "\\ud" in data.lower():  # the other half of a delta's may come with the next
            payload = without_halves(payload)
        match payload.get("type", event.event):
            case "message_start":
                self._learn(payload.get("message"))
            case "message_delta":
                self._learn({**_object(payload.get("delta")), "usage": payload.get("usage")})
                yield from self._report()
            case "message_stop":
                yield from self._finish()
            case str(kind):
                for delta in self._blocks.read(kind, payload):
                    yield from self._report()  # not before there is something to see: until then the call can be made again
                    yield delta

    def _learn(self, news: object) -> None:
        """Take in what is said of the message; later words replace earlier ones."""
        known = {name: value for name, value in _object(news).items() if value is not None}
        usage = {name: value for name, value in _object(known.pop("usage", None)).items() if value is not None}
        self._usage |= usage
        self._unreported = self._unreported or bool(usage)
        self._message |= known

    def _report(self) -> Iterator[StreamEvent]:
        if self._unreported:
            self._unreported = False
            yield UsageReport(usage=read_usage(dict(self._usage)))

    def _finish(self) -> Iterator[StreamEvent]:
        if not self._message:
            raise self._payloads.unreadable("", "has no message")
        yield from self._blocks.finish()
        yield from self._report()
        self._finished = True
        yield StreamFinished(**read_facts(self._call, {**self._message, "usage": self._usage}, called=self._blocks.called))


def _object(value: object) -> Wire:
    return value if isinstance(value, dict) else {}
