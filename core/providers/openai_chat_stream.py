"""OpenAI's chat completions: how a streamed answer is read, as tolerantly as a whole one. No I/O.

Source: https://platform.openai.com/docs/api-reference/chat-streaming. `openai_chat_delta.py` reads the message in it.
"""

from collections.abc import Iterator
from dataclasses import replace

from ..deltas import StreamEvent, StreamFinished, UsageReport
from ..exceptions import LLMAPIError, LLMConnectionError
from ..wire_json import raw_json_value, without_halves
from .api_errors import api_error
from .exchange import HttpCall, HttpReply
from .openai_chat_delta import MessageDeltas
from .openai_chat_reply import Wire, finish_reason, is_text, read_usage, true_status, unreadable
from .sse import ServerSentEvent, SseDecoder

DONE = "[DONE]"


class ChatStreamDecoder:
    """Decodes one streamed answer; satisfies StreamDecoder."""

    def __init__(self, call: HttpCall, head: HttpReply) -> None:
        self._call = call
        self._head = head
        self._events = SseDecoder()
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
        for event in self._sent_events(chunk):
            if not self._finished:
                yield from self._read(event)

    def end(self) -> Iterator[StreamEvent]:
        """The events that are left when no more comes; raises LLMConnectionError when the answer is not complete."""
        if not self.complete:
            message = f"the stream of {self._call.provider} for model {self._call.request.model!r} broke off"
            raise LLMConnectionError(message, **self._call.facts)
        if not self._finished:
            yield from self._finish()

    def _sent_events(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        try:
            yield from self._events.feed(chunk)
        except ValueError as error:
            raise LLMAPIError(f"{self._call.provider} sent what cannot be read: {error}", retryable=False, **self._call.facts) from None

    def _read(self, event: ServerSentEvent) -> Iterator[StreamEvent]:
        data = event.data.strip()
        if data == DONE:
            yield from self._finish(data)
        elif data:
            payload = self._payload(data)
            if payload.get("error") or event.event == "error":
                reply = self._reply(data)
                raise api_error(self._call, replace(reply, status=true_status(payload, reply.status)))
            yield from self._chunk(payload)

    def _reply(self, data: str) -> HttpReply:
        """An event as if it were all of the answer."""
        return replace(self._head, body=data.encode())

    def _payload(self, data: str) -> Wire:
        try:
            payload = raw_json_value(data)
        except (ValueError, RecursionError) as error:
            raise unreadable(self._call, self._reply(data), "has an event that is no JSON") from error
        if not isinstance(payload, dict):
            raise unreadable(self._call, self._reply(data), "has an event that is no JSON object")
        return payload

    def _chunk(self, payload: Wire) -> Iterator[StreamEvent]:
        self._identity |= {name: payload[name] for name in ("id", "model") if is_text(payload.get(name))}
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
            raise unreadable(self._call, self._reply(data), "has no choices")
        yield from self._message.finish()
        self._finished = True
        identity = without_halves(self._identity)
        yield StreamFinished(
            finish_reason=finish_reason(self._raw_reason, called=self._message.called, refused=self._message.refused),
            raw_finish_reason=self._raw_reason,
            model=identity.get("model", self._call.request.model),
            response_id=identity.get("id"),
            provider=self._call.provider,
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
            return piece
    return {"content": choice.get("text")}
