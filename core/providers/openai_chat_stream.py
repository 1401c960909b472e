"""OpenAI's chat completions: how a streamed answer is read, as tolerantly as a whole one. No I/O.

Source: https://platform.openai.com/docs/api-reference/chat-streaming. `openai_chat_delta.py` reads the message in it.
"""

from collections.abc import Iterator

from ..deltas import StreamEvent, StreamFinished, UsageReport
from ..pricing import SERVICE_TIER
from ..wire_json import without_halves
from .exchange import HttpCall, HttpReply
from .openai_chat_delta import MessageDeltas
from .openai_chat_reply import EXPECTED, finish_reason, read_usage
from .payloads import Payloads
from .sent_events import SentEvents
from .sse import ServerSentEvent
from .wire_values import Wire, is_text, tier_told

DONE = "[DONE]"


class ChatStreamDecoder:
    """Decodes one streamed answer; satisfies StreamDecoder."""

    def __init__(self, call: HttpCall, head: HttpReply) -> None:
        self._call = call
        self._payloads = Payloads(call=call, head=head, expected=EXPECTED)
        self._events = SentEvents(call)
        self._message = MessageDeltas(call.request)
        self._identity: dict[str, str] = {}
        self._raw_reason: str | None = None
        self._answered = False
        self._finished = False

    @property
    def complete(self) -> bool:
        """Whether all of the answer has come, though the server may have more to say, such as its usage."""
        return self._finished or self._raw_reason is not None

    @property
    def finished(self) -> bool:
        """Whether StreamFinished has been given out."""
        return self._finished

    @property
    def arrived(self) -> str:
        """How much of the answer has come, in words."""
        return self._message.arrived

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """The events that end in this chunk; raises LLMAPIError for an error among them, or LLMResponseParsingError."""
        for event in self._events.feed(chunk):
            if not self._finished:
                yield from self._read(event)

    def end(self) -> Iterator[StreamEvent]:
        """The events that are left when no more comes; raises LLMConnectionError when the answer is not complete."""
        if not self.complete:
            raise self._events.broken_off()
        if not self._finished:
            yield from self._finish()

    def _read(self, event: ServerSentEvent) -> Iterator[StreamEvent]:
        data = event.data.strip()
        if data == DONE:
            yield from self._finish(data)
        elif data:
            payload = self._payloads.event(data)
            if payload.get("error") or event.event == "error":
                raise self._payloads.failed(payload)
            yield from self._chunk(payload)

    def _chunk(self, payload: Wire) -> Iterator[StreamEvent]:
        self._identity |= {name: payload[name] for name in ("id", "model", SERVICE_TIER) if is_text(payload.get(name))}
        choice = _first_choice(payload)
        if choice is not None:
            self._answered = True
            yield from self._message.read(_delta(choice))
            if is_text(choice.get("finish_reason")):
                self._raw_reason = without_halves(choice["finish_reason"])
        if isinstance(payload.get("usage"), dict):
            yield UsageReport(usage=read_usage(without_halves(payload["usage"])))

    def _finish(self, data: str = "") -> Iterator[StreamEvent]:
        if not self._answered:
            raise self._payloads.unreadable(data, "has no choices")
        yield from self._message.finish()
        self._finished = True
        identity = without_halves(self._identity)
        yield StreamFinished(
            finish_reason=finish_reason(self._raw_reason, called=self._message.called, refused=self._message.refused),
            raw_finish_reason=self._raw_reason,
            model=identity.get("model", self._call.request.model),
            response_id=identity.get("id"),
            provider=self._call.provider,
            metadata=tier_told(identity),
        )


def _first_choice(payload: Wire) -> Wire | None:
    choices = payload.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index") in (0, None):
            return choice
    return None


def _delta(choice: Wire) -> Wire:
    for piece in (choice.get("delta"), choice.get("message")):  # some servers send the whole message as one piece
        if isinstance(piece, dict):
            return {**piece, "logprobs": choice["logprobs"]} if choice.get("logprobs") else piece
    return {"content": choice.get("text")}
