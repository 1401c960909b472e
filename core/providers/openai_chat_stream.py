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
from .stream_decoder import DONE, EventStreamDecoder
from .wire_values import Wire, is_text, tier_told


class ChatStreamDecoder(EventStreamDecoder):
    """Decodes one streamed answer, which is done when the server says so, or has told why the model stopped."""

    def __init__(self, call: HttpCall, head: HttpReply, *, keep_raw: bool) -> None:
        self._message = MessageDeltas(call.request)
        self._identity: dict[str, str] = {}
        self._raw_reason: str | None = None
        self._answered = False
        super().__init__(Payloads(call=call, head=head, expected=EXPECTED), self._message, keep_raw=keep_raw)

    def _is_piece(self, payload: Wire) -> bool:
        return True

    def _done(self) -> Iterator[StreamEvent]:
        return self._finish()

    def _read(self, kind: object, payload: Wire) -> Iterator[StreamEvent]:
        self._identity |= {name: payload[name] for name in ("id", "model", SERVICE_TIER) if is_text(payload.get(name))}
        choice = _first_choice(payload)
        if choice is not None:
            self._answered = True
            yield from self._message.read(_delta(choice))
            if is_text(choice.get("finish_reason")):
                self._raw_reason, self.complete = without_halves(choice["finish_reason"]), True
        if isinstance(payload.get("usage"), dict):
            yield UsageReport(usage=read_usage(without_halves(payload["usage"])))

    def _finish(self) -> Iterator[StreamEvent]:
        if not self._answered:
            raise self._payloads.unreadable(DONE, "has no choices")
        yield from self._message.finish()
        identity = without_halves(self._identity)
        yield self._ended(
            StreamFinished(
                finish_reason=finish_reason(self._raw_reason, called=self._message.called, refused=self._message.refused),
                raw_finish_reason=self._raw_reason,
                model=identity.get("model", self._call.request.model),
                response_id=identity.get("id"),
                provider=self._call.provider,
                metadata=tier_told(identity),
            )
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
