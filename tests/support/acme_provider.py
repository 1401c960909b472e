"""A provider that the package knows nothing of: its whole codec, and what an installed package would offer.

Its wire says and asks in one word each: `{"ask": [...]}` is answered by `{"think": "...", "say": "...", "calls": [...], "why": "end",
"spent": {...}}`, and a stream has the same in pieces.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from polaris_llm.core.deltas import ReasoningDelta, StreamEvent, StreamFinished, TextDelta, ToolCallDelta, UsageReport
from polaris_llm.core.inference import FinishReason, ModelRequest, ModelResponse
from polaris_llm.core.parts import PART
from polaris_llm.core.providers.capabilities import Capabilities
from polaris_llm.core.providers.exchange import HttpCall, HttpReply
from polaris_llm.core.providers.extras import wire_extras, with_extras
from polaris_llm.core.providers.json_call import for_stream, json_call
from polaris_llm.core.providers.payloads import Payloads
from polaris_llm.core.providers.registry import Provider, WireFormat, plain
from polaris_llm.core.providers.stream_decoder import EventStreamDecoder
from polaris_llm.core.providers.tool_call_parts import unused_id, used_ids, written
from polaris_llm.core.providers.wire_codec import WireCodec
from polaris_llm.core.providers.wire_values import Wire, count_of, text_of, without_nones
from polaris_llm.core.stream_folding import fold
from polaris_llm.core.usage import Usage

THOUGHTS, TEXT = range(2)
"""The places of an answer's parts; its calls have those behind them."""
FINISH_REASONS = {"end": FinishReason.STOP, "calls": FinishReason.TOOL_CALLS}


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeCodec(WireCodec):
    """Acme's wire at `base_url`."""

    wire: ClassVar[str] = "acme"

    def encode(self, request: ModelRequest) -> HttpCall:
        """The call that asks what `request` asks."""
        payload: Wire = {
            "model": request.model,
            "ask": [{"by": each.role, "is": [PART.dump_python(part, mode="json") for part in each.parts]} for each in request.messages],
            "tools": [tool.to_openai_format()["function"] for tool in request.tools] or None,
            "may_call": request.tool_choice if request.tools else None,
            "at_most": request.max_tokens,
            "heat": request.temperature,
            "top_p": request.top_p,
            "until": list(request.stop) or None,
        }
        headers = {"acme-key": self.api_key or None}
        return json_call(
            self, request, f"{self.base_url}/ask", with_extras(without_nones(payload), wire_extras(request, self.wire)), headers
        )

    def encode_stream(self, request: ModelRequest) -> HttpCall:
        """The same, whose answer is to come in pieces."""
        return for_stream(self.encode(request))

    def decode(self, call: HttpCall, reply: HttpReply) -> ModelResponse:
        """The answer in a reply of status 2xx."""
        answer = Answer(call, reply)
        events = list(answer.read(answer.payloads.whole(reply.text)))
        if not answer.ended:
            raise answer.payloads.unreadable(reply.text, "has no end")
        response = fold(events)
        return replace(response, metadata={"raw_response": json.loads(reply.body)}) if self.keep_raw else response

    def stream_decoder(self, call: HttpCall, head: HttpReply) -> "AcmeDecoder":
        """What reads the pieces."""
        return AcmeDecoder(Answer(call, head), keep_raw=self.keep_raw)


class Answer:
    """One answer in the making, whole or in pieces."""

    def __init__(self, call: HttpCall, head: HttpReply) -> None:
        self.payloads = Payloads(call=call, head=head, expected="an answer of Acme's")
        self.ended = False
        self.characters = 0
        self._used_ids = used_ids(call.request)
        self._calls = 0

    @property
    def arrived(self) -> str:
        """How much has come, in words."""
        return f"{self.characters} characters of text"

    def read(self, payload: Wire) -> Iterator[StreamEvent]:
        """The events of one payload."""
        if payload.get("error"):
            raise self.payloads.failed(payload)
        if thought := text_of(payload.get("think")):
            yield ReasoningDelta(text=thought, index=THOUGHTS)
        if said := text_of(payload.get("say")):
            self.characters += len(said)
            yield TextDelta(text=said, index=TEXT)
        for wire in payload.get("calls") or ():
            self._calls += 1
            call_id, name = unused_id(wire.get("id"), self._used_ids), text_of(wire.get("name"))
            yield ToolCallDelta(index=TEXT + self._calls, call_id=call_id, name=name, arguments=written(wire.get("with")))
        if "why" in payload:
            yield from self._end(payload)

    def _end(self, payload: Wire) -> Iterator[StreamEvent]:
        self.ended = True
        request, spent = self.payloads.call.request, payload.get("spent")
        usage = {name: count_of(spent, name) for name in ("input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens")}
        yield UsageReport(usage=Usage(**usage, raw=spent if isinstance(spent, dict) else {}))
        reason = FINISH_REASONS.get(payload["why"], FinishReason.STOP)
        yield StreamFinished(
            finish_reason=reason, raw_finish_reason=payload["why"], model=request.model, provider=self.payloads.call.provider
        )


class AcmeDecoder(EventStreamDecoder):
    """Decodes one streamed answer."""

    def __init__(self, answer: Answer, *, keep_raw: bool) -> None:
        super().__init__(answer.payloads, answer, keep_raw=keep_raw)
        self._answer = answer

    def _read(self, kind: object, payload: Wire) -> Iterator[StreamEvent]:
        for event in self._answer.read(payload):
            yield self._ended(event) if isinstance(event, StreamFinished) else event


ACME = Provider(
    name="acme",
    wires=(
        WireFormat(
            name=AcmeCodec.wire,
            codec=plain(AcmeCodec),
            capabilities=Capabilities().without(
                *("parallel_tool_calls", "json_schema", "reasoning_effort", "seed", "service_tier"),
                *("prompt_cache_key", "prompt_cache_after", "prompt_cache_ttl"),
            ),
        ),
    ),
    base_url="https://api.acme.example",
)
