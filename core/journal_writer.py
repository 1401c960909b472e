"""Writes a session's events to its journal behind the session's back, in order, so that no step waits for the disk."""

import asyncio
from collections.abc import Callable

from .events import Event
from .exceptions import LLMIntegrationError, UnexpectedError
from .ports import JournalPort

GATHER_S = 0.005
"""Seconds in which a session's events gather before they are written together, unless somebody waits for them."""


class JournalWriter:
    """Appends one session's events in the background, one append at a time, until the journal fails."""

    def __init__(self, journal: JournalPort, session_id: str, seq: int, on_failure: Callable[[LLMIntegrationError], None]) -> None:
        self._journal = journal
        self._session_id = session_id
        self._seq = seq
        self._on_failure = on_failure
        self._failure: LLMIntegrationError | None = None
        self._unwritten: list[Event] = []
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def require_working(self) -> None:
        """Raise what the journal raised, if it did; nothing is written after that."""
        if self._failure is not None:
            raise self._failure

    def write(self, event: Event) -> None:
        """Append an event soon."""
        self._unwritten.append(event)
        if self._task is None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self._begin)

    async def flush(self) -> None:
        """Return when all is written; raises what the journal raised."""
        if self._timer is not None:
            self._begin()
        if self._task is not None:
            await asyncio.shield(self._task)
        self.require_working()

    def _begin(self) -> None:
        assert self._timer is not None, "only a write begins it"
        self._timer.cancel()
        self._timer = None
        self._task = asyncio.create_task(self._write_all())

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
