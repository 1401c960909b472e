"""The one union of events that a streamed model answer is made of. `stream_folding.py` makes the answer of them.

A delta's `index` is the place of its part in the answer, among all parts; places may have gaps, and parts may take turns.
`provider_data` replaces what an earlier delta of the same part brought.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Discriminator, JsonValue, TypeAdapter

from .inference import FinishReason
from .parts import ProviderData
from .usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """More visible text."""

    text: str
    index: int = 0
    provider_data: ProviderData | None = None
    kind: Literal["text_delta"] = "text_delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDelta:
    """More of what the model thinks; the signature comes with the last one."""

    text: str
    signature: str | None = None
    index: int = 0
    provider_data: ProviderData | None = None
    kind: Literal["reasoning_delta"] = "reasoning_delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """More of the tool call at `index`; id and name come with its first delta."""

    index: int
    call_id: str | None = None
    name: str | None = None
    arguments: str = ""
    provider_data: ProviderData | None = None
    kind: Literal["tool_call_delta"] = "tool_call_delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """Usage of the whole call so far; a later report replaces an earlier one."""

    usage: Usage
    kind: Literal["usage_report"] = "usage_report"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRestarted:
    """The stream broke off and begins anew: all that came before is void. Only where the request asks for it."""

    reason: str
    """What went wrong."""
    kind: Literal["stream_restarted"] = "stream_restarted"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFinished:
    """The last event of a stream that came to its end: what is known of the answer as a whole."""

    finish_reason: FinishReason
    raw_finish_reason: str | None = None
    model: str = ""
    response_id: str | None = None
    provider: str = ""
    cached: bool = False
    attempts: int = 1
    latency_s: float = 0.0
    """Seconds from the first attempt's start to the end."""
    metadata: dict[str, JsonValue] = field(default_factory=dict)
    kind: Literal["stream_finished"] = "stream_finished"


StreamEvent = Annotated[TextDelta | ReasoningDelta | ToolCallDelta | UsageReport | StreamRestarted | StreamFinished, Discriminator("kind")]
STREAM_EVENT: TypeAdapter[StreamEvent] = TypeAdapter(StreamEvent)
