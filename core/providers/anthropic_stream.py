"""Anthropic's messages: how a streamed answer is read, to the same answer as a whole one. No I/O.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming. Events that are not known are passed over, as it asks.
`anthropic_blocks.py` reads the blocks in it.
"""

from collections.abc import Iterator

from ..deltas import StreamEvent, StreamFinished, UsageReport
from .anthropic_blocks import BlockDeltas
from .anthropic_reply import payloads_of, read_facts, read_usage
from .exchange import HttpCall, HttpReply
from .stream_decoder import EventStreamDecoder
from .wire_values import Wire


class MessageStreamDecoder(EventStreamDecoder):
    """Decodes one streamed answer."""

    def __init__(self, call: HttpCall, head: HttpReply, *, keep_raw: bool) -> None:
        self._blocks = BlockDeltas(call.request)
        self._message: Wire = {}
        self._usage: Wire = {}
        self._unreported = False
        super().__init__(payloads_of(call, head), self._blocks, keep_raw=keep_raw)

    def _is_piece(self, payload: Wire) -> bool:
        return payload.get("type") == "content_block_delta"

    def _read(self, kind: object, payload: Wire) -> Iterator[StreamEvent]:
        match kind:
            case "message_start":
                self._learn(payload.get("message"))
            case "message_delta":
                self._learn({**_object(payload.get("delta")), "usage": payload.get("usage")})
                yield from self._report()
            case "message_stop":
                yield from self._finish()
            case str():
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
        self.complete = self._message.get("stop_reason") is not None

    def _report(self) -> Iterator[StreamEvent]:
        if self._unreported:
            self._unreported = False
            yield UsageReport(usage=read_usage(dict(self._usage)))

    def _finish(self) -> Iterator[StreamEvent]:
        if not self._message:
            raise self._payloads.unreadable("", "has no message")
        yield from self._blocks.finish()
        yield from self._report()
        facts = read_facts(self._call, {**self._message, "usage": self._usage}, called=self._blocks.called)
        yield self._ended(StreamFinished(**facts))


def _object(value: object) -> Wire:
    return value if isinstance(value, dict) else {}
