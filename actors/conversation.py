"""Conversation actors, one per session, packed by the hundred into hosts: one instance, one writer, one address each."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakValueDictionary

from ..core.call_context import CallContext
from ..core.canonical import to_json
from ..core.driver import Driver, Ports
from ..core.events import ApprovalGiven, MessageReceived, Paused, Resumed, RunStarted
from ..core.exceptions import JournalConflictError, LLMIntegrationError, OverloadedError, SessionError, UnknownSessionError
from ..core.parts import text_message
from ..core.ports import JournalPort
from ..core.runs import RUN_SPEC, Isolation, RunSpec
from ..core.session import Session
from ..core.session_state import Phase

logger = logging.getLogger(__name__)

OpenSessions = Callable[[], Awaitable[Iterable[str]]]
"""Which sessions of this host have a run that has not ended."""

FULL_RETRY_S = 0.1
"""The hint that a full host gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A session to start; its caller makes the ids, so that submitting twice is submitting once."""

    session_id: str
    run_id: str
    spec: RunSpec


class ConversationActor:
    """One session: its history, its run under way, and the driver that is their only writer."""

    def __init__(self, session: Session, ports: Ports) -> None:
        self._driver = Driver(session, ports)

    @property
    def run_id(self) -> str:
        """The run under way, or the one that has just ended."""
        return self._driver.session.state.active_run.run_id

    @property
    def is_over(self) -> bool:
        """Whether the run has ended; its end may still be on its way to the journal."""
        return self._driver.session.state.phase is Phase.IDLE

    async def run(self) -> None:
        """Drive the run under way to its end."""
        await self._driver.run()

    def hear(self, text: str) -> bool:
        """Take a message into the run under way; False if that is over."""
        if self.is_over:
            return False
        self._driver.receive(MessageReceived(message=text_message("user", text), at=self._driver.now()))
        return True

    def cancel(self) -> None:
        """End the run under way as cancelled."""
        self._driver.end("cancelled")

    def decide(self, call_id: str, approved: bool, reason: str) -> None:
        """Consent to a tool call, or refuse it."""
        self._driver.receive(ApprovalGiven(call_id=call_id, approved=approved, reason=reason, at=self._driver.now()))

    def pause(self, reason: str) -> None:
        """Take no new step."""
        self._driver.receive(Paused(reason=reason, at=self._driver.now()))

    def resume(self, reason: str) -> None:
        """Go on."""
        self._driver.receive(Resumed(reason=reason, at=self._driver.now()))


class ConversationHost:
    """Starts conversation actors, brings them back from the journal, and forgets them when their run is over."""

    def __init__(
        self,
        journal: JournalPort,
        ports_for: Callable[[RunSpec], Ports],
        open_sessions: OpenSessions,
        *,
        max_sessions: int,
        isolation: Isolation = "host",
    ) -> None:
        """`isolation` is that of the sessions which it brings back."""
        self._journal = journal
        self._ports_for = ports_for
        self._open_sessions = open_sessions
        self._max_sessions = max_sessions
        self._isolation = isolation
        self._actors: dict[str, ConversationActor] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._beginning: set[asyncio.Task[None]] = set()
        self._speaking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self) -> None:
        """Go on with the runs that an earlier incarnation of this host left behind."""
        for session_id in await self._open_sessions():
            session = await self._replay(session_id)
            if session.state.active_run.spec.isolation == self._isolation:
                self._drive(session)

    async def stop(self) -> None:
        """Leave the runs where they are."""
        tasks = (*self._beginning, *self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def submit(self, call: CallContext, submission: Submission) -> None:
        """Start a session's first run; does nothing when this very submission was accepted before. Raises SessionError, OverloadedError."""
        if submission.session_id not in self._actors:  # else it is only to be compared
            self._require_room(submission.session_id)
        session = Session(submission.session_id)
        try:
            await self._begin(session, submission.run_id, submission.spec)
        except JournalConflictError:
            await self._require_same(submission)

    async def say(self, call: CallContext, session_id: str, run_id: str, text: str) -> None:
        """A message into the run under way, or else a new run of the same kind with the message as its objective.

        It may be said again by those who do not know whether it was heard: no second run begins, though one may hear it twice.
        """
        async with self._speaking.setdefault(session_id, asyncio.Lock()):  # or two messages would begin two runs
            if await self._is_heard(session_id, run_id, text):
                return
            self._require_room(session_id)
            session = await self._replay(session_id)
            if session.state.active_run.run_id == run_id:  # begun before this host's time, and over
                return
            spec = replace(session.state.active_run.spec, objective=text, history=())
            await self._begin(session, run_id, spec)

    def cancel(self, call: CallContext, session_id: str) -> bool:
        """End the session's run as cancelled; False if none is under way."""
        actor = self._actors.get(session_id)
        if actor is None or actor.is_over:
            return False
        actor.cancel()
        return True

    def decide(self, call: CallContext, session_id: str, call_id: str, approved: bool, reason: str) -> None:
        """See ConversationActor; raises SessionError when no run is under way."""
        self._running(session_id).decide(call_id, approved, reason)

    def pause(self, call: CallContext, session_id: str, reason: str) -> None:
        """See ConversationActor; raises SessionError when no run is under way."""
        self._running(session_id).pause(reason)

    def resume(self, call: CallContext, session_id: str, reason: str) -> None:
        """See ConversationActor; raises SessionError when no run is under way."""
        self._running(session_id).resume(reason)

    def health(self) -> dict[str, int]:
        """How full the host is."""
        return {"sessions": len(self._tasks), "max_sessions": self._max_sessions}

    async def _is_heard(self, session_id: str, run_id: str, text: str) -> bool:
        """Whether a run under way took the message, or began with it; the end of one that is over is waited for."""
        actor = self._actors.get(session_id)
        if actor is None or actor.run_id == run_id or actor.hear(text):
            return actor is not None
        await asyncio.wait({self._tasks[session_id]})
        return False

    def _running(self, session_id: str) -> ConversationActor:
        actor = self._actors.get(session_id)
        if actor is None or actor.is_over:
            raise SessionError(f"session {session_id!r} has no run under way", session_id)
        return actor

    def _require_room(self, session_id: str) -> None:
        under_way = len(self._tasks) + len(self._beginning)
        if under_way >= self._max_sessions:
            message = f"the host of session {session_id!r} has {under_way} runs under way, its bound"
            raise OverloadedError(message, retry_after=FULL_RETRY_S)

    async def _begin(self, session: Session, run_id: str, spec: RunSpec) -> None:
        ports = self._ports_for(spec)  # raises for a provider that is not there, before anything is written
        event = RunStarted(run_id=run_id, spec=spec, at=ports.clock())
        seq = session.seq
        session.receive(event)
        writing = asyncio.create_task(self._journal.append(session.session_id, seq, [event]))
        self._beginning.add(writing)
        writing.add_done_callback(self._beginning.discard)
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:  # what is written must be driven, whoever gave it up
            writing.add_done_callback(partial(self._drive_if_written, session))
            raise
        self._drive(session)

    def _drive_if_written(self, session: Session, writing: asyncio.Task[None]) -> None:
        if not writing.cancelled() and writing.exception() is None:
            self._drive(session)

    async def _require_same(self, submission: Submission) -> None:
        first = (await self._journal.read(submission.session_id))[0]
        same = isinstance(first, RunStarted) and first.run_id == submission.run_id and _same_spec(first.spec, submission.spec)
        if not same:
            raise SessionError(f"session {submission.session_id!r} exists already: give another id, or none", submission.session_id)

    async def _replay(self, session_id: str) -> Session:
        events = await self._journal.read(session_id)
        if not events:
            raise UnknownSessionError(f"no session {session_id!r}: it was never submitted, or its log was dropped", session_id)
        return Session.replay(session_id, events)

    def _drive(self, session: Session) -> None:
        if session.state.phase is Phase.IDLE:
            return
        actor = ConversationActor(session, self._ports_for(session.state.active_run.spec))
        self._actors[session.session_id] = actor
        self._tasks[session.session_id] = asyncio.create_task(self._supervise(session.session_id, actor))

    async def _supervise(self, session_id: str, actor: ConversationActor) -> None:
        try:
            await actor.run()
        except LLMIntegrationError as error:  # what the driver could not write into the log: another writer, or no journal
            logger.error("session %s stops here: %s", session_id, error)
        finally:
            del self._actors[session_id], self._tasks[session_id]


def _same_spec(one: RunSpec, other: RunSpec) -> bool:
    """Whether two specifications ask for the same, whoever submits them."""
    return to_json(RUN_SPEC, replace(one, caller_id=None)) == to_json(RUN_SPEC, replace(other, caller_id=None))
