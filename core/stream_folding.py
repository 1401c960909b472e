"""Between a whole answer and the events it streams as: `fold` and `unfold`, each the inverse of the other."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import assert_never

from .deltas import ReasoningDelta, StreamEvent, StreamFinished, StreamRestarted, TextDelta, ToolCallDelta, UsageReport
from .exceptions import LLMResponseParsingError
from .inference import ModelResponse
from .parts import Part, ProviderData, ReasoningPart, TextPart, ToolCallPart
from .usage import Usage
from .wire_json import arguments_of

PartDelta = TextDelta | ReasoningDelta | ToolCallDelta

_WORDS = re.compile(r"\s*\S+\s*|\s+")


def fold(events: Iterable[StreamEvent]) -> ModelResponse:
    """The answer that the events make; raises LLMResponseParsingError when they do not come to an end."""
    folding = Folding()
    for event in events:
        folding.add(event)
    return folding.response()


def unfold(response: ModelResponse) -> Iterator[StreamEvent]:
    """The events of an answer that is already there, word by word; only text, reasoning and tool calls can stream."""
    for index, part in enumerate(response.parts):
        yield from _deltas(part, index)
    if response.usage != Usage():
        yield UsageReport(usage=response.usage)
    yield StreamFinished(
        finish_reason=response.finish_reason,
        raw_finish_reason=response.raw_finish_reason,
        model=response.model,
        response_id=response.response_id,
        provider=response.provider,
        cached=response.cached,
        attempts=response.attempts,
        latency_s=response.latency_s,
        metadata=response.metadata,
    )


class Folding:
    """An answer that is still arriving."""

    def __init__(self) -> None:
        self._parts: dict[tuple[int, str], list[PartDelta]] = {}
        self._usage = Usage()
        self._finished: StreamFinished | None = None

    def add(self, event: StreamEvent) -> None:
        """Take the next event in."""
        match event:
            case TextDelta() | ReasoningDelta() | ToolCallDelta():
                self._parts.setdefault((event.index, event.kind), []).append(event)
            case UsageReport():
                self._usage = event.usage
            case StreamRestarted():
                self._parts, self._usage = {}, Usage()
            case StreamFinished():
                self._finished = event
            case _:
                assert_never(event)

    def response(self) -> ModelResponse:
        """The whole answer; raises LLMResponseParsingError before its end has come."""
        end = self._finished
        if end is None:
            raise LLMResponseParsingError("the stream has no StreamFinished: take its events in to the last one")
        identity = {} if end.response_id is None else {"response_id": end.response_id}
        return ModelResponse(
            model=end.model,
            parts=tuple(_part(deltas) for _, deltas in sorted(self._parts.items(), key=_place)),
            usage=self._usage,
            finish_reason=end.finish_reason,
            raw_finish_reason=end.raw_finish_reason,
            provider=end.provider,
            cached=end.cached,
            attempts=end.attempts,
            latency_s=end.latency_s,
            metadata=end.metadata,
            **identity,
        )


def _place(item: tuple[tuple[int, str], list[PartDelta]]) -> int:
    return item[0][0]


def _part(deltas: list[PartDelta]) -> Part:
    data = next((delta.provider_data for delta in reversed(deltas) if delta.provider_data is not None), None)
    match deltas[0]:
        case TextDelta():
            return TextPart(text=_text(deltas), provider_data=data)
        case ReasoningDelta():
            signatures = (delta.signature for delta in reversed(deltas) if isinstance(delta, ReasoningDelta))
            signature = next((found for found in signatures if found is not None), None)
            return ReasoningPart(text=_text(deltas), signature=signature, provider_data=data)
        case ToolCallDelta():
            return _call([delta for delta in deltas if isinstance(delta, ToolCallDelta)], data)


def _text(deltas: list[PartDelta]) -> str:
    return "".join(delta.text for delta in deltas if not isinstance(delta, ToolCallDelta))


def _call(deltas: list[ToolCallDelta], data: ProviderData | None) -> ToolCallPart:
    written = "".join(delta.arguments for delta in deltas)
    arguments = arguments_of(written)
    return ToolCallPart(
        call_id=next((delta.call_id for delta in deltas if delta.call_id is not None), ""),
        name=next((delta.name for delta in deltas if delta.name is not None), ""),
        arguments=arguments or {},
        malformed=written if arguments is None else None,
        provider_data=data,
    )


def _deltas(part: Part, index: int) -> Iterator[StreamEvent]:
    match part:
        case TextPart():
            first, *rest = _words(part.text)
            yield TextDelta(text=first, index=index, provider_data=part.provider_data)
            yield from (TextDelta(text=word, index=index) for word in rest)
        case ReasoningPart():
            first, *rest = _words(part.text)
            yield ReasoningDelta(text=first, signature=part.signature, index=index, provider_data=part.provider_data)
            yield from (ReasoningDelta(text=word, index=index) for word in rest)
        case ToolCallPart():
            written = json.dumps(part.arguments) if part.malformed is None else part.malformed
            yield ToolCallDelta(index=index, call_id=part.call_id, name=part.name, arguments=written, provider_data=part.provider_data)
        case _:
            return


def _words(text: str) -> list[str]:
    return _WORDS.findall(text) or [""]
