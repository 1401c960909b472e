"""The journal of all sessions: one actor keeps the logs, everybody else reads and appends through its handle."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

from ..core.bells import Bells
from ..core.call_context import CallContext
from ..core.events import Event, RunEnded, RunStarted, outcome_of
from ..core.exceptions import JournalConflictError, LLMIntegrationError, OutcomeUnknownError, OverloadedError, UnknownSessionError
from ..core.runs import RunOutcome, RunSpec
from ..core.session_summaries import SessionSummary, newest_summaries
from ..core.storage.event_log import LogLine, MemoryEventLog, from_line, to_line
from .links import Link
from .outbox import TRY_AGAIN_S


def unknown_session(session_id: str) -> UnknownSessionError:
    """The error that there is no log of a session."""
    return UnknownSessionError(f"no session {session_id!r}: it was never submitted, or its log was dropped", session_id)


Append = tuple[str, int, tuple[LogLine, ...]]
"""A session's id, how long its log is, and what is to be added."""

MAX_BATCH_CHARS = 64_000
"""Of the lines that go as one message."""
BUSY, GATHER_S = 8, 0.005
"""After a message with so many appends the next one is given so many seconds to gather: few wait for what was written."""


class JournalActor:
    """Keeps logs in memory and wakes those who wait for more."""

    def __init__(self, max_sessions: int, max_bytes: int) -> None:
        self._log = MemoryEventLog(max_sessions=max_sessions, max_bytes=max_bytes)
        self._grown = Bells()
        self._closed = Bells()

    def append(self, call: CallContext, session_id: str, expected_seq: int, lines: tuple[LogLine, ...]) -> int:
        """See MemoryEventLog."""
        length = self._log.append(session_id, expected_seq, lines)
        self._grown.ring(session_id)
        if any(line.closes for line in lines):
            self._closed.ring(session_id)
        return length

    def append_all(self, call: CallContext, appends: tuple[Append, ...]) -> tuple[int | LLMIntegrationError, ...]:
        """What `append` gives or raises, for each: one that fails holds back no other."""
        return tuple(self._outcome(call, append) for append in appends)

    def read(self, call: CallContext, session_id: str, after: int) -> tuple[LogLine, ...]:
        """See MemoryEventLog."""
        return self._log.read(session_id, after)

    def first(self, call: CallContext, session_id: str) -> LogLine | None:
        """The line that a session's log begins with; None for an unknown session."""
        return next(iter(self._log.read(session_id)), None)

    async def follow(self, call: CallContext, session_id: str, after: int) -> tuple[LogLine, ...]:
        """The lines after the first `after`, as soon as there are any; none once the run is over and all was read."""
        while not (lines := self._log.read(session_id, after)):
            if not self._is_open(session_id):
                return ()
            await self._grown.wait(session_id)
        return lines

    async def last_run(self, call: CallContext, session_id: str) -> LogLine:
        """The line that ended the session's last run, once it has ended; raises UnknownSessionError."""
        while self._is_open(session_id):
            await self._closed.wait(session_id)
        return next(line for line in reversed(self._log.read(session_id)) if line.closes)

    def is_known(self, call: CallContext, session_id: str) -> bool:
        """Whether there is a log of the session."""
        return self._log.is_open(session_id) is not None

    def open_sessions(self, call: CallContext) -> tuple[str, ...]:
        """The sessions with a run that has not ended."""
        return self._log.open_sessions()

    def session_ids(self, call: CallContext) -> tuple[str, ...]:
        """All sessions, oldest first."""
        return self._log.session_ids()

    async def newest(self, call: CallContext, count: int, only_open: bool) -> tuple[SessionSummary, ...]:
        """See newest_summaries."""
        return await newest_summaries(self._log, count, only_open)

    def health(self) -> dict[str, int]:
        """How much is kept, and how many sessions somebody waits for."""
        followed = len(self._grown) + len(self._closed)
        return {"sessions": len(self._log.session_ids()), "open": len(self._log.open_sessions()), "followed": followed}

    def _outcome(self, call: CallContext, append: Append) -> int | LLMIntegrationError:
        try:
            return self.append(call, *append)
        except LLMIntegrationError as error:
            return error

    def _is_open(self, session_id: str) -> bool:
        is_open = self._log.is_open(session_id)
        if is_open is None:
            raise unknown_session(session_id)
        return is_open


class JournalHandle:
    """JournalPort over the journal actor, and what a client reads of it.

    What several sessions append while one message is out goes as the next: a message costs more than what it carries here.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._waiting: deque[tuple[Append, asyncio.Future[int]]] = deque()
        self._sender: asyncio.Task[None] | None = None

    async def append(self, session_id: str, expected_seq: int, events: Sequence[Event]) -> None:
        """See JournalPort. Waits for room in a full journal, up to the link's timeout."""
        append = (session_id, expected_seq, tuple(to_line(event) for event in events))
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._link.timeout_s
        while True:
            try:
                return await self._append_once(append)
            except OverloadedError as full:
                pause = full.retry_after or TRY_AGAIN_S
                if loop.time() + pause >= deadline:
                    raise
            await asyncio.sleep(pause)

    async def read(self, session_id: str, after: int = 0) -> tuple[Event, ...]:
        """See JournalPort."""
        lines: tuple[LogLine, ...] = await self._look("read", CallContext(session_id=session_id), session_id, after)
        return tuple(from_line(line) for line in lines)

    async def follow(self, session_id: str, after: int, timeout_s: float) -> AsyncIterator[Event]:
        """The events after the first `after`, live, until the run is over; raises DeadlineExceededError after `timeout_s` without one."""
        call = CallContext(session_id=session_id, remaining_s=timeout_s)
        while lines := await self._look("follow", call, session_id, after):
            for line in lines:
                after += 1
                yield from_line(line)

    async def outcome(self, session_id: str, timeout_s: float) -> RunOutcome:
        """What came of the session's last run, once it is over; raises UnknownSessionError, DeadlineExceededError."""
        line: LogLine = await self._look("last_run", CallContext(session_id=session_id, remaining_s=timeout_s), session_id)
        ended = from_line(line)
        assert isinstance(ended, RunEnded), "the journal marks only RunEnded as closing"
        return outcome_of(session_id, ended)

    async def is_known(self, session_id: str) -> bool:
        """Whether there is a log of the session."""
        is_known: bool = await self._look("is_known", CallContext(session_id=session_id), session_id)
        return is_known

    async def first_spec(self, session_id: str) -> RunSpec | None:
        """What the session's first run was asked to do; None for an unknown session."""
        line: LogLine | None = await self._look("first", CallContext(session_id=session_id), session_id)
        started = None if line is None else from_line(line)
        return started.spec if isinstance(started, RunStarted) else None

    async def open_sessions(self) -> tuple[str, ...]:
        """The sessions with a run that has not ended."""
        ids: tuple[str, ...] = await self._look("open_sessions", CallContext())
        return ids

    async def session_ids(self) -> tuple[str, ...]:
        """All sessions, oldest first."""
        ids: tuple[str, ...] = await self._look("session_ids", CallContext())
        return ids

    async def _append_once(self, append: Append) -> None:
        """When the journal dies in between, a second try tells whether the first was kept."""
        try:
            await self._append(append)
        except OutcomeUnknownError:
            try:
                await self._append(append)
            except JournalConflictError as conflict:
                _, expected_seq, lines = append
                if conflict.actual_seq != expected_seq + len(lines):
                    raise

    async def _append(self, append: Append) -> int:
        appended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((append, appended))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())
        return await appended

    async def _send_all(self) -> None:
        try:
            while batch := self._take_batch():
                await self._send(batch)
                if len(batch) >= BUSY:
                    await asyncio.sleep(GATHER_S)
        finally:
            self._sender = None

    def _take_batch(self) -> list[tuple[Append, asyncio.Future[int]]]:
        batch, chars = [], 0
        while self._waiting and chars < MAX_BATCH_CHARS:
            append, appended = self._waiting.popleft()
            if not appended.done():  # else who wanted it gave it up
                batch.append((append, appended))
                chars += sum(len(line.json) for line in append[2])
        return batch

    async def _send(self, batch: list[tuple[Append, asyncio.Future[int]]]) -> None:
        outcomes: Sequence[int | LLMIntegrationError]
        try:
            outcomes = await self._link.ask("append_all", CallContext(), tuple(append for append, _ in batch))
        except LLMIntegrationError as error:
            outcomes = [error] * len(batch)
        for (_, appended), outcome in zip(batch, outcomes, strict=True):
            if appended.done():  # its session was cancelled
                continue
            if isinstance(outcome, LLMIntegrationError):
                appended.set_exception(outcome)
            else:
                appended.set_result(outcome)

    async def _look(self, method: str, call: CallContext, *arguments: Any) -> Any:  # as the journal's method
        try:
            return await self._link.ask(method, call, *arguments)
        except OutcomeUnknownError:  # the journal died, maybe long ago; looking twice does no harm
            return await self._link.ask(method, call, *arguments)
