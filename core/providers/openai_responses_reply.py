"""OpenAI's responses: how an answer is read, whole or at the end of a stream. No I/O.

Source: https://platform.openai.com/docs/api-reference/responses/object. Both readings go through the same deltas.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..deltas import StreamEvent, StreamFinished, UsageReport
from ..inference import FinishReason, ModelResponse
from ..stream_folding import fold
from ..usage import Usage
from .api_errors import ErrorWords, usual_words
from .exchange import HttpCall, HttpReply
from .extras import wire_extras
from .openai_responses_items import WIRE
from .openai_responses_output import OutputDeltas
from .payloads import Payloads
from .wire_values import Wire, count_of, is_text, tier_told

_INCOMPLETE = {"max_output_tokens": FinishReason.LENGTH, "content_filter": FinishReason.CONTENT_FILTER, "max_messages": FinishReason.LENGTH}
_UNFINISHED = {"cancelled": FinishReason.CANCELLED, "queued": FinishReason.ERROR, "in_progress": FinishReason.ERROR}
"""What a response that is computed in the background says before its end: there is no answer that a session could go on with."""
_FAULTS_OF_REQUEST = ("invalid_", "image_", "unsupported_", "empty_", "failed_to_download_")
"""How codes begin that a request with the same content would meet again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReader:
    """Reads what one call brought."""

    call: HttpCall
    head: HttpReply
    keep_raw: bool

    @property
    def payloads(self) -> Payloads:
        """What reads the JSON of the answer, or of its events."""
        return Payloads(call=self.call, head=self.head, expected="an OpenAI response", dialect=_error_words)

    def whole(self, reply: HttpReply) -> ModelResponse:
        """The answer in a reply of status 2xx; raises LLMResponseParsingError, or LLMAPIError for an error in disguise."""
        payload = self.payloads.whole(reply.text)
        return fold(self.rest(payload, OutputDeltas(self.call.request)))

    def rest(self, payload: Wire, output: OutputDeltas) -> Iterator[StreamEvent]:
        """What is still missing of an answer that is all there; raises LLMAPIError when it failed, or LLMResponseParsingError."""
        error = payload.get("error")
        if payload.get("status") == "failed" or error:
            raise self.payloads.failed({"error": error})
        items = payload.get("output")
        if not isinstance(items, list) and output.is_empty:
            raise self.payloads.unreadable(json.dumps(payload), "has no output")
        for number, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict):
                yield from output.settle(number, item)
        yield from output.finish()
        if isinstance(payload.get("usage"), dict):
            yield UsageReport(usage=read_usage(payload["usage"]))
        yield self._finished(payload, output)

    def _finished(self, payload: Wire, output: OutputDeltas) -> StreamFinished:
        reason, raw_reason = _finish_reason(payload, output)
        if reason is not FinishReason.LENGTH and "incomplete_details" not in payload and self._is_spent(payload.get("usage")):
            reason = FinishReason.LENGTH  # a server that has no such member calls all answers completed
        model, response_id = payload.get("model"), payload.get("id")
        return StreamFinished(
            finish_reason=reason,
            raw_finish_reason=raw_reason,
            model=model if is_text(model) else self.call.request.model,
            response_id=response_id if is_text(response_id) else None,
            provider=self.call.provider,
            metadata=tier_told(payload) | ({"raw_response": payload} if self.keep_raw else {}),
        )

    def _is_spent(self, usage: object) -> bool:
        """Whether the answer has all the tokens that it was allowed."""
        request = self.call.request
        allowed = wire_extras(request, WIRE).get("max_output_tokens", request.max_tokens)
        return isinstance(allowed, int) and 0 < allowed <= count_of(usage, "output_tokens")


def read_usage(raw: Wire) -> Usage:
    """Usage in its normal form."""
    return Usage(
        input_tokens=count_of(raw, "input_tokens"),
        output_tokens=count_of(raw, "output_tokens"),
        cache_read_tokens=count_of(raw.get("input_tokens_details"), "cached_tokens"),
        cache_write_tokens=count_of(raw.get("input_tokens_details"), "cache_write_tokens"),
        reasoning_tokens=count_of(raw.get("output_tokens_details"), "reasoning_tokens"),
        raw=raw,
    )


def _finish_reason(payload: Wire, output: OutputDeltas) -> tuple[FinishReason, str | None]:
    status, details = payload.get("status"), payload.get("incomplete_details")
    if status == "incomplete":
        why = details.get("reason") if isinstance(details, dict) else None
        raw_reason = why if is_text(why) else status
        return _INCOMPLETE.get(raw_reason, FinishReason.LENGTH), raw_reason
    raw_reason = status if is_text(status) else None
    if raw_reason in _UNFINISHED:
        return _UNFINISHED[raw_reason], raw_reason
    if output.called:
        return FinishReason.TOOL_CALLS, raw_reason
    return FinishReason.REFUSAL if output.refused else FinishReason.STOP, raw_reason


def _error_words(payload: object) -> ErrorWords:
    """The usual words, and the general one for a code that says what is wrong with the request: its status says nothing of that."""
    words = usual_words(payload)
    is_known = any(kind.startswith(_FAULTS_OF_REQUEST) for kind in words.kinds)
    return replace(words, kinds=(*words.kinds, "invalid_request_error")) if is_known else words
