"""What happened in a session, in past tense: the log's records. Everything a session is follows from them."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Discriminator, JsonValue, TypeAdapter
from pydantic_core import to_json

from .exceptions import ErrorRecord
from .inference import ModelResponse
from .parts import ModelMessage
from .runs import RunOutcome, RunSpec, RunStatus
from .usage import Usage

LOG_SCHEMA = 1
"""The version of the events' JSON; a reader refuses a newer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run began with what it is asked to do."""

    run_id: str
    spec: RunSpec
    at: float
    """Seconds since 1970-01-01 UTC, as in every event."""
    kind: Literal["run_started"] = "run_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived:
    """Somebody said something to a run that is under way; the model sees it with its next step."""

    message: ModelMessage
    at: float
    kind: Literal["message_received"] = "message_received"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResponded:
    """The model answered step `step` (from 1)."""

    step: int
    response: ModelResponse
    at: float
    kind: Literal["model_responded"] = "model_responded"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFailed:
    """The model could not be made to answer."""

    step: int
    error: ErrorRecord
    at: float
    kind: Literal["model_failed"] = "model_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted:
    """A tool that must not run twice is about to run."""

    call_id: str
    at: float
    kind: Literal["tool_started"] = "tool_started"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCompleted:
    """A tool call has its one result."""

    call_id: str
    content: JsonValue
    """The result, or the reason of the failure."""
    at: float
    is_error: bool = False
    duration_s: float = 0.0
    kind: Literal["tool_completed"] = "tool_completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequested:
    """A tool call waits for somebody's consent."""

    call_id: str
    at: float
    kind: Literal["approval_requested"] = "approval_requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalGiven:
    """Somebody decided on a tool call."""

    call_id: str
    approved: bool
    at: float
    reason: str = ""
    kind: Literal["approval_given"] = "approval_given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """The run takes no new step until it is resumed."""

    reason: str
    at: float
    kind: Literal["paused"] = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The pause of this reason is over."""

    reason: str
    at: float
    kind: Literal["resumed"] = "resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """The run is over; a later message starts another."""

    run_id: str
    status: RunStatus
    at: float
    result: JsonValue = None
    error: ErrorRecord | None = None
    steps: int = 0
    tool_calls: int = 0
    cache_hits: int = 0
    usage: Usage = Usage()
    cost_usd: float | None = None
    """US dollars of the model calls; None where the price of one is not known."""
    duration_s: float = 0.0
    kind: Literal["run_ended"] = "run_ended"


Event = Annotated[
    RunStarted
    | MessageReceived
    | ModelResponded
    | ModelFailed
    | ToolStarted
    | ToolCompleted
    | ApprovalRequested
    | ApprovalGiven
    | Paused
    | Resumed
    | RunEnded,
    Discriminator("kind"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)

_strict = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def event_to_json(event: Event) -> str:
    """The log's line for an event, its schema and kind first; raises ValueError for NaN and infinities."""
    record: dict[str, Any] = {"schema": LOG_SCHEMA, "kind": event.kind, **EVENT.dump_python(event, mode="json")}
    try:
        line = to_json(record, inf_nan_mode="constants").decode()
    except ValueError:  # half an emoji, or deeper than the quicker of the two writers goes
        return _strict(record)
    return _strict(record) if "NaN" in line or "Infinity" in line else line


def event_from_json(line: str) -> Event:
    """The event of a log's line; raises ValueError for a line of a newer schema, or of none."""
    record = json.loads(line)  # pydantic's own parser reads neither half an emoji nor all depths that it writes
    schema = record.pop("schema", None) if isinstance(record, dict) else None
    if schema != LOG_SCHEMA:
        raise ValueError(f"log schema {schema!r} is not {LOG_SCHEMA}: read this log with the version of polaris-llm that wrote it")
    return EVENT.validate_python(record)


def outcome_of(session_id: str, ended: RunEnded) -> RunOutcome:
    """What came of the run that this event ended."""
    return RunOutcome(
        session_id=session_id,
        run_id=ended.run_id,
        status=ended.status,
        result=ended.result,
        error=ended.error,
        steps=ended.steps,
        tool_calls=ended.tool_calls,
        cache_hits=ended.cache_hits,
        usage=ended.usage,
        cost_usd=ended.cost_usd,
        duration_s=ended.duration_s,
    )
