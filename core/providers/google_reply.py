"""Google's Gemini: how an answer is read. A whole answer is a stream of one payload, so both are read here. No I/O.

Source: https://ai.google.dev/api/generate-content#GenerateContentResponse. `google_parts.py` reads the parts in it.
"""

from collections.abc import Iterator
from dataclasses import replace

from pydantic import JsonValue

from ..deltas import StreamEvent, StreamFinished, UsageReport
from ..inference import FinishReason, ModelResponse
from ..pricing import SERVICE_TIER
from ..stream_folding import fold
from ..usage import Usage
from .exchange import HttpCall, HttpReply
from .google_contents import WIRE
from .google_errors import google_words
from .google_parts import PartDeltas
from .payloads import Payloads
from .wire_values import Wire, count_of, is_text, tier_told

_FILTERED = frozenset(
    {"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION", "PUP_LIMITED_DISABLED"}
    | {"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"}
)
FINISH_REASONS = {
    "FINISH_REASON_UNSPECIFIED": FinishReason.STOP,
    "STOP": FinishReason.STOP,
    "MAX_TOKENS": FinishReason.LENGTH,
    "CONTINUATION": FinishReason.PAUSE,
    **dict.fromkeys(_FILTERED, FinishReason.CONTENT_FILTER),
}
"""All others, those that are still to come among them, say that something went wrong: MALFORMED_FUNCTION_CALL, OTHER, ..."""

_READ = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "content", "finishReason", "index"})
"""Fields of a payload and of its candidate that a response has fields of its own for."""
_TIERS = frozenset({"standard", "flex", "priority"})
"""The words that the API has for a service tier; gateways write others into its header."""


class Answer:
    """One answer that is still arriving, payload by payload."""

    def __init__(self, call: HttpCall, head: HttpReply) -> None:
        self._provider = call.provider
        self._tier = head.headers.get("x-gemini-service-tier", "").lower()
        self._parts = PartDeltas(call.request)
        self._model = call.request.model
        self._response_id: str | None = None
        self._usage: object = None
        self._facts: dict[str, JsonValue] = {}
        self._raw_reason: str | None = None
        self._block_reason: str | None = None
        self.begun = False
        """Whether anything of an answer has come, or the word that there will be none."""

    @property
    def complete(self) -> bool:
        """Whether the model, or its provider, has said why there is no more."""
        return self._raw_reason is not None or self._block_reason is not None

    @property
    def arrived(self) -> str:
        """How much has come, in words."""
        return self._parts.arrived

    def read(self, payload: Wire) -> Iterator[StreamEvent]:
        """The events of one payload."""
        self._note(payload)
        if is_text(payload.get("modelVersion")):
            self._model = payload["modelVersion"]
        if is_text(payload.get("responseId")):
            self._response_id = payload["responseId"]
        if "promptFeedback" in payload:
            self._block_reason = _block_reason(payload) or self._block_reason
        candidate = _first_candidate(payload)
        if candidate is not None:
            self._note(candidate)
            yield from self._parts.read(_parts(candidate))
            if is_text(candidate.get("finishReason")):
                self._raw_reason = candidate["finishReason"]
        self.begun = self.begun or candidate is not None or self._block_reason is not None
        usage = payload.get("usageMetadata")
        if isinstance(usage, dict) and usage != self._usage:  # it comes with every payload
            self._usage = usage
            yield UsageReport(usage=read_usage(usage))

    def finish(self) -> StreamFinished:
        """The event that ends the answer."""
        return StreamFinished(
            finish_reason=self._finish_reason(),
            raw_finish_reason=self._raw_reason or self._block_reason,
            model=self._model,
            response_id=self._response_id,
            provider=self._provider,
            metadata={**({WIRE: dict(self._facts)} if self._facts else {}), **self._tier_told()},
        )

    def _tier_told(self) -> dict[str, JsonValue]:
        """The service tier as the usage tells it, else as its header does."""
        return tier_told(self._usage, "serviceTier") or ({SERVICE_TIER: self._tier} if self._tier in _TIERS else {})

    def _note(self, wire: Wire) -> None:
        if rest := wire.keys() - _READ:
            self._facts |= {name: wire[name] for name in sorted(rest) if wire[name] is not None}

    def _finish_reason(self) -> FinishReason:
        if self._raw_reason is None and self._block_reason is not None:
            return FinishReason.CONTENT_FILTER
        reason = FinishReason.STOP if self._raw_reason is None else FINISH_REASONS.get(self._raw_reason, FinishReason.ERROR)
        return FinishReason.TOOL_CALLS if reason is FinishReason.STOP and self._parts.called else reason


def read_reply(call: HttpCall, reply: HttpReply, *, keep_raw: bool) -> ModelResponse:
    """The answer in a reply of status 2xx; raises LLMResponseParsingError, or LLMAPIError for an error in disguise."""
    payloads = payloads_of(call, reply)
    document = payloads.value_of(reply.text)
    answer = Answer(call, reply)
    events: list[StreamEvent] = []
    for payload in document if isinstance(document, list) else [document]:  # a stream without server-sent events is a list
        wire = payloads.object_in(payload, reply.text)
        if wire.get("error"):
            raise payloads.failed(wire)
        events += answer.read(wire)
    if not answer.begun:
        raise payloads.unreadable(reply.text, "has no candidates")
    response = fold([*events, answer.finish()])
    return replace(response, metadata={**response.metadata, "raw_response": document}) if keep_raw else response


def payloads_of(call: HttpCall, head: HttpReply) -> Payloads:
    """What reads the JSON of an answer, or of its events."""
    return Payloads(call=call, head=head, expected="a Gemini GenerateContentResponse", dialect=google_words)


def read_usage(raw: Wire) -> Usage:
    """Usage in its normal form: what tools brought is input, what the model thought is output."""
    thoughts = count_of(raw, "thoughtsTokenCount")
    return Usage(
        input_tokens=count_of(raw, "promptTokenCount") + count_of(raw, "toolUsePromptTokenCount"),
        output_tokens=count_of(raw, "candidatesTokenCount") + thoughts,
        cache_read_tokens=count_of(raw, "cachedContentTokenCount"),
        reasoning_tokens=thoughts,
        raw=raw,
    )


def _first_candidate(payload: Wire) -> Wire | None:
    candidates = payload.get("candidates")
    listed = candidates if isinstance(candidates, list) else []
    return next((each for each in listed if isinstance(each, dict) and each.get("index") in (0, None)), None)


def _parts(candidate: Wire) -> list[Wire]:
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return [part for part in parts if isinstance(part, dict) and part] if isinstance(parts, list) else []


def _block_reason(payload: Wire) -> str | None:
    feedback = payload.get("promptFeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    return reason if is_text(reason) else None
