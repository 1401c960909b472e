"""The one union of events that a streamed model answer is made of."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Discriminator, TypeAdapter

from .inference import FinishReason
from .usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """More visible text."""

    text: str
    kind: Literal["text_delta"] = "text_delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """More of what the model thinks; the signature comes with the last one."""

    text: str
    signature: str | None = None
    kind: Literal["reasoning_delta"] = "reasoning_delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """More of the tool call at `index`; id and name come with its first delta."""

    index: int
    call_id: str | None = None
    name: str | None = None
    arguments: str = ""
    kind: Literal["tool_call_delta"] = "tool_call_delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """Usage of the whole call so far; a later report replaces an earlier one."""

    usage: Usage
    kind: Literal["usage_report"] = "usage_report"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFinished:
    """The last event of a stream that came to its end."""

    finish_reason: FinishReason
    raw_finish_reason: str | None = None
    kind: Literal["stream_finished"] = "stream_finished"


StreamEvent = Annotated[TextDelta | ReasoningDelta | ToolCallDelta | UsageReport | StreamFinished, Discriminator("kind")]
STREAM_EVENT: TypeAdapter[StreamEvent] = TypeAdapter(StreamEvent)
