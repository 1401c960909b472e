"""Writes a session's events to its journal behind the session's back, in order, so that no step waits for the disk."""

import asyncio
from collections.abc import Callable

from .events import Event
from .exceptions import LLMIntegrationError, UnexpectedError
from .ports import JournalPort


class JournalWriter:
    """Appends one session's events in the background, one append at a time, until the journal fails."""

    def __init__(self, journal: JournalPort, session_id: str, seq: int, on_failure: Callable[[LLMIntegrationError], None]) -> None:
        self._journal = journal
        self._session_id = session_id
        self._seq = seq
        self._on_failure = on_failure
        self._failure: LLMIntegrationError | None = None
        self._unwritten: list[Event] = []
        self._task: asyncio.Task[None] | None = None

    def require_working(self) -> None:
        """Raise what the journal raised, if it did; nothing is written after that."""
        if self._failure is not None:
            raise self._failure

    def write(self, event: Event) -> None:
        """Append an event soon."""
        self._unwritten.append(event)
        if self._task is None:
            self._task = asyncio.create_task(self._write_all())

    async def flush(self) -> None:
        """Return when all is written; raises what the journal raised."""
        if self._task is not None:
            await asyncio.shield(self._task)
        self.require_working()

    async def _write_all(self) -> None:
        try:
            while self._unwritten:
                events, self._unwritten = self._unwritten, []
                await self._journal.append(self._session_id, self._seq, events)
                self._seq += len(events)
        except Exception as error:  # whatever a journal raises, nothing may be lost silently
            self._failure = error if isinstance(error, LLMIntegrationError) else UnexpectedError.of(error)
            self._on_failure(self._failure)
        self._task = None
