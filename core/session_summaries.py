"""What a list of sessions says of each, read off a few lines of its log."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter

from .events import LOG_SCHEMA, Event, RunEnded, RunStarted
from .pickling import pickled_by_fields
from .runs import RunStatus
from .storage.event_log import LogLine, MemoryEventLog, from_line

MAX_LISTED = 500
"""Sessions that are told of at once."""
OBJECTIVE_CHARS = 200
"""Of an objective, which may be a whole document."""

_RESPONDED = f'{{"schema":{LOG_SCHEMA},"kind":"model_responded"'
"""How the line of a ModelResponded begins."""

SessionStatus = RunStatus | Literal["running", "paused", "waits for approval"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """A session and its last run."""

    session_id: str
    status: SessionStatus
    objective: str
    """Its beginning."""
    model: str | None
    provider: str
    started_at: float
    """When the last run began, in seconds since 1970-01-01 UTC."""
    updated_at: float
    """When something last happened."""
    events: int
    """Of all runs."""
    runs: int
    steps: int
    """Of the last run, as are those below."""
    tool_calls: int | None
    """None while the run is under way, as for the tokens."""
    tokens: int | None


SESSION_SUMMARY: TypeAdapter[SessionSummary] = TypeAdapter(SessionSummary)

pickled_by_fields(SessionSummary)


async def newest_summaries(log: MemoryEventLog, count: int, only_open: bool) -> tuple[SessionSummary, ...]:
    """Of the sessions that were begun last, at most MAX_LISTED, the latest first; of all, or of those with a run that has not ended."""
    summaries = []
    for session_id in log.newest(min(count, MAX_LISTED), only_open=only_open):
        if lines := log.read(session_id):  # it may have been dropped meanwhile
            summaries.append(summary_of(session_id, lines))
        await asyncio.sleep(0)  # those who write come first
    return tuple(summaries)


def summary_of(session_id: str, lines: Sequence[LogLine]) -> SessionSummary:
    """The summary of a log, which has one event at least."""
    openings = [place for place, line in enumerate(lines) if line.opens]
    started, last = from_line(lines[openings[-1]]), from_line(lines[-1])
    assert isinstance(started, RunStarted), "only a RunStarted opens a run"
    ended = last if isinstance(last, RunEnded) else None
    return SessionSummary(
        session_id=session_id,
        status=_status(last),
        objective=started.spec.objective[:OBJECTIVE_CHARS],
        model=started.spec.model,
        provider=started.spec.provider,
        started_at=started.at,
        updated_at=last.at,
        events=len(lines),
        runs=len(openings),
        steps=ended.steps if ended else sum(line.json.startswith(_RESPONDED) for line in lines[openings[-1] :]),
        tool_calls=ended.tool_calls if ended else None,
        tokens=ended.usage.total_tokens if ended else None,
    )


def _status(last: Event) -> SessionStatus:
    match last.kind:
        case "run_ended":
            return last.status
        case "approval_requested":
            return "waits for approval"
        case "paused":
            return "paused"
        case _:
            return "running"
