"""A journal in this process's memory, for where no other process must know of it."""

from collections.abc import Sequence

from ..events import Event
from .event_log import MemoryEventLog, from_line, to_line


class MemoryJournal:
    """JournalPort over a MemoryEventLog; what is read was JSON in between, as in any other journal."""

    def __init__(self, log: MemoryEventLog | None = None) -> None:
        self._log = log or MemoryEventLog()

    async def append(self, session_id: str, expected_seq: int, events: Sequence[Event]) -> None:
        """See JournalPort."""
        self._log.append(session_id, expected_seq, tuple(to_line(event) for event in events))

    async def read(self, session_id: str, after: int = 0) -> tuple[Event, ...]:
        """See JournalPort."""
        return tuple(from_line(line) for line in self._log.read(session_id, after))
