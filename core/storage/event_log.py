"""Logs of sessions as lines of JSON, in memory: compare-and-set, bounded, gone with the process."""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice

from ..events import Event, RunEnded, RunStarted, event_from_json, event_to_json
from ..exceptions import JournalConflictError, OverloadedError
from ..pickling import pickled_by_fields


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event as its JSON; what the log itself must know of it stands beside."""

    json: str
    opens: bool = False
    closes: bool = False


def to_line(event: Event) -> LogLine:
    """The line of an event."""
    return LogLine(event_to_json(event), isinstance(event, RunStarted), isinstance(event, RunEnded))


def from_line(line: LogLine) -> Event:
    """The event of a line."""
    return event_from_json(line.json)


@dataclass(slots=True)
class _Log:
    lines: list[LogLine] = field(default_factory=list)
    size: int = 0
    is_open: bool = False


class MemoryEventLog:
    """The logs of many sessions; the longest finished ones are dropped first when the bounds are met."""

    def __init__(self, *, max_sessions: int = 100_000, max_bytes: int = 1 << 30) -> None:
        self._max_sessions = max_sessions
        self._max_bytes = max_bytes
        self._bytes = 0
        self._logs: dict[str, _Log] = {}
        self._closed: OrderedDict[str, None] = OrderedDict()

    def append(self, session_id: str, expected_seq: int, lines: tuple[LogLine, ...]) -> int:
        """The log's new length; raises JournalConflictError unless it is `expected_seq` long, OverloadedError when no room is left."""
        log = self._logs.get(session_id)
        actual = len(log.lines) if log else 0
        if actual != expected_seq:
            raise JournalConflictError(
                f"session {session_id} has {actual} events, its writer thought {expected_seq}", session_id, actual_seq=actual
            )
        size = sum(len(line.json.encode()) for line in lines)
        self._make_room(session_id, size)
        log = self._logs.setdefault(session_id, _Log())
        log.lines.extend(lines)
        log.size += size
        self._bytes += size
        self._note_whether_open(session_id, log, lines)
        return len(log.lines)

    def read(self, session_id: str, after: int = 0) -> tuple[LogLine, ...]:
        """The lines after the first `after`; empty for an unknown session."""
        log = self._logs.get(session_id)
        return tuple(log.lines[after:]) if log else ()

    def open_sessions(self) -> tuple[str, ...]:
        """The sessions with a run that has not ended."""
        return tuple(session_id for session_id, log in self._logs.items() if log.is_open)

    def is_open(self, session_id: str) -> bool | None:
        """Whether a run of the session has not ended; None for an unknown session."""
        log = self._logs.get(session_id)
        return None if log is None else log.is_open

    def session_ids(self) -> tuple[str, ...]:
        """All sessions, oldest first."""
        return tuple(self._logs)

    def newest(self, count: int, *, only_open: bool = False) -> tuple[str, ...]:
        """The sessions that were begun last, the latest first; of all, or of those with a run that has not ended."""
        return tuple(islice((name for name, log in reversed(self._logs.items()) if log.is_open or not only_open), count))

    def _note_whether_open(self, session_id: str, log: _Log, lines: tuple[LogLine, ...]) -> None:
        for line in lines:
            log.is_open = line.opens or (log.is_open and not line.closes)
        self._closed.pop(session_id, None)
        if not log.is_open:
            self._closed[session_id] = None

    def _make_room(self, session_id: str, size: int) -> None:
        grows = session_id not in self._logs
        while self._bytes + size > self._max_bytes or len(self._logs) + grows > self._max_sessions:
            oldest = next((closed for closed in self._closed if closed != session_id), None)
            if oldest is None:
                bounds = f"{self._max_sessions} sessions, {self._max_bytes} bytes"
                raise OverloadedError(f"the journal is full ({bounds}) and no session in it has ended", retry_after=1.0)
            del self._closed[oldest]
            self._bytes -= self._logs.pop(oldest).size


pickled_by_fields(LogLine)
