"""One session in the hands of whoever submitted it: its events, its result, and what can be said to it."""

import uuid
from collections.abc import AsyncIterator, Iterator

from ..core.events import Event
from ..core.runs import RunOutcome
from .background import BackgroundLoop
from .sessions import Sessions

RESULT_TIMEOUT_S = 600.0
"""Seconds that `result` waits, unless told otherwise."""


class SessionHandle:
    """A session by its id; every method that blocks has an async twin."""

    def __init__(self, session_id: str, sessions: Sessions, background: BackgroundLoop) -> None:
        self.session_id = session_id
        self._sessions = sessions
        self._background = background

    def result(self, timeout: float = RESULT_TIMEOUT_S) -> RunOutcome:
        """What came of the last run, once it is over, whatever its status; raises DeadlineExceededError after `timeout` seconds."""
        return self._background.run(self._sessions.outcome(self.session_id, timeout))

    async def aresult(self, timeout: float = RESULT_TIMEOUT_S) -> RunOutcome:
        """See `result`."""
        return await self._background.arun(self._sessions.outcome(self.session_id, timeout))

    def events(self, after: int = 0, timeout: float = RESULT_TIMEOUT_S) -> Iterator[Event]:
        """The events after the first `after`, live, until the run is over; raises DeadlineExceededError after `timeout` silent seconds."""
        stream = self._sessions.follow(self.session_id, after, timeout)
        while (event := self._background.run(_next(stream))) is not None:
            yield event

    async def astream(self, after: int = 0, timeout: float = RESULT_TIMEOUT_S) -> AsyncIterator[Event]:
        """See `events`."""
        stream = self._sessions.follow(self.session_id, after, timeout)
        while (event := await self._background.arun(_next(stream))) is not None:
            yield event

    def log(self, after: int = 0) -> tuple[Event, ...]:
        """The events after the first `after` that have happened so far; raises UnknownSessionError."""
        return self._background.run(self._sessions.log(self.session_id, after))

    async def alog(self, after: int = 0) -> tuple[Event, ...]:
        """See `log`."""
        return await self._background.arun(self._sessions.log(self.session_id, after))

    def send(self, text: str) -> None:
        """A message into the run under way, or a new run if none is."""
        self._background.run(self._sessions.say(self.session_id, self._new_run_id(), text))

    async def asend(self, text: str) -> None:
        """See `send`."""
        await self._background.arun(self._sessions.say(self.session_id, self._new_run_id(), text))

    def cancel(self) -> bool:
        """End the run as cancelled; False if none is under way."""
        return self._background.run(self._sessions.cancel(self.session_id))

    async def acancel(self) -> bool:
        """See `cancel`."""
        return await self._background.arun(self._sessions.cancel(self.session_id))

    def approve(self, call_id: str, approved: bool = True, reason: str = "") -> None:
        """Consent to a tool call that waits for it, or refuse it."""
        self._background.run(self._sessions.decide(self.session_id, call_id, approved, reason))

    async def aapprove(self, call_id: str, approved: bool = True, reason: str = "") -> None:
        """See `approve`."""
        await self._background.arun(self._sessions.decide(self.session_id, call_id, approved, reason))

    def __repr__(self) -> str:
        return f"SessionHandle({self.session_id!r})"

    def _new_run_id(self) -> str:
        return f"{self.session_id}.{uuid.uuid4().hex[:8]}"


async def _next(stream: AsyncIterator[Event]) -> Event | None:
    return await anext(stream, None)
