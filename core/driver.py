"""Carries out the commands of one session's run through its ports, and feeds what happens back into the session.

Every event is written to the journal in order. Writing runs behind, one append at a time, and is awaited only before a
tool that must not run twice and before the run is reported as over.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar, assert_never

from pydantic import JsonValue

from .call_context import CallContext
from .commands import AskApproval, CallModel, Command, EndRun, GiveUpTool, RunTool
from .events import ApprovalRequested, Event, ModelFailed, ModelResponded, Paused, Resumed, RunEnded, ToolCompleted, ToolStarted, outcome_of
from .exceptions import CallerAwayError, ErrorRecord, LLMIntegrationError, OutcomeUnknownError, SessionError, UnexpectedError
from .frozen import changed
from .inference import ModelResponse
from .journal_writer import JournalWriter
from .ports import CallerPort, JournalPort, ModelPort, ToolPort
from .runs import RunOutcome, RunStatus
from .session import Session
from .session_state import Phase
from .tool_calls import OUTCOME_UNKNOWN, ToolCalls
from .verdicts import with_bounded_arguments

T = TypeVar("T")

logger = logging.getLogger(__name__)

WAITING_FOR_CALLER = "waiting_for_caller"
"""The reason of the pause while the process that holds a live tool is away."""

CLOCK_TICK_S = 0.002
"""By so much timers that should go off together may do so in any order: uvloop's are exact to a millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The driver's world."""

    model: ModelPort
    tools: ToolPort
    journal: JournalPort
    callers: CallerPort | None = None
    clock: Callable[[], float] = time.time
    """Seconds since 1970-01-01 UTC."""


class Driver:
    """Runs one run of a session to its end."""

    def __init__(self, session: Session, ports: Ports) -> None:
        if session.state.phase is Phase.IDLE:
            raise SessionError(f"session {session.session_id!r} has no run under way: give it a RunStarted first", session.session_id)
        self.session = session
        self._ports = ports
        self._writer = JournalWriter(ports.journal, session.session_id, session.seq, self._lose)
        self._tasks: set[asyncio.Task[None]] = set()
        self._outcome: asyncio.Future[RunOutcome] = asyncio.get_running_loop().create_future()
        run = session.state.active_run
        self._deadline = run.started_at + run.spec.limits.deadline_s
        self._running = False
        self._waiting = 0
        self._tool_calls = ToolCalls(
            tools=ports.tools, callers=ports.callers, spec=run.spec, remaining=self._remaining, waiting=self._waiting_for_caller
        )

    async def run(self) -> RunOutcome:
        """Go on from the session's present state to the run's end; raises what the journal raises, such as JournalConflictError."""
        timer = asyncio.get_running_loop().call_later(max(0.0, self._remaining()), self._run_out_of_time)
        try:
            if WAITING_FOR_CALLER in self.session.state.pauses:  # of an earlier driver: this one finds out for itself
                self.receive(Resumed(reason=WAITING_FOR_CALLER, at=self.now()))
            self._running = True
            if self._remaining() > 0 or self.session.state.phase is Phase.ENDING:
                self._carry_out(self.session.pending())
            return await self._outcome
        finally:
            timer.cancel()
            for task in self._tasks:
                task.cancel()

    def receive(self, event: Event) -> None:
        """Take an event from outside, such as a message; raises IllegalEventError if it may not happen now, or what the journal raised."""
        self._writer.require_working()
        commands = self.session.receive(event)
        self._writer.write(event)
        if self._running:  # else `run` begins with all that is pending
            self._carry_out(commands)

    def end(self, status: RunStatus, error: ErrorRecord | None = None, result: JsonValue = None) -> None:
        """End the run now, whatever is under way; nothing happens if it is over already."""
        if self._is_over():
            return
        ended = self.session.ended(status, self._ports.clock(), result, error)
        self.receive(ended)
        for task in self._tasks:
            task.cancel()
        self._spawn(self._report, ended)

    def now(self) -> float:
        """The driver's clock."""
        return self._ports.clock()

    def _is_over(self) -> bool:
        return self._outcome.done() or self.session.state.phase is Phase.IDLE

    def _run_out_of_time(self) -> None:
        limit = self.session.state.active_run.spec.limits.deadline_s
        error = LLMIntegrationError(f"the run did not end within {limit:g} s", error_code="RUN_DEADLINE_EXCEEDED")
        self.end("deadline_exceeded", ErrorRecord.of(error))

    def _remaining(self) -> float:
        return self._deadline - self._ports.clock()

    def _carry_out(self, commands: tuple[Command, ...]) -> None:
        for command in commands:
            match command:
                case CallModel():
                    self._spawn(self._call_model, command)
                case RunTool():
                    self._spawn(self._run_tool, command)
                case GiveUpTool(call=call):
                    self.receive(ToolCompleted(call_id=call.call_id, content=OUTCOME_UNKNOWN, is_error=True, at=self.now()))
                case AskApproval(call=call):
                    self.receive(ApprovalRequested(call_id=call.call_id, at=self.now()))
                case EndRun(status=status, result=result, error=error):
                    self.end(status, error, result)
                case _:
                    assert_never(command)

    def _spawn(self, work: Callable[[T], Awaitable[None]], subject: T) -> None:
        task = asyncio.create_task(self._guard(work, subject))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Callable[[T], Awaitable[None]], subject: T) -> None:
        try:
            await work(subject)
        except Exception as error:  # the boundary that supervises a session: a defect ends the run, visibly
            if not self._is_over():
                logger.exception("session %s fails by a defect", self.session.session_id)
            self.end("failed", ErrorRecord.of(error))

    def _lose(self, error: LLMIntegrationError) -> None:
        if not self._outcome.done():
            self._outcome.set_exception(error)

    def _take_home(self, event: Event) -> None:
        if not self._is_over():  # else what happened comes too late
            self.receive(event)

    async def _report(self, ended: RunEnded) -> None:
        await self._writer.flush()
        if not self._outcome.done():
            self._outcome.set_result(outcome_of(self.session.session_id, ended))

    async def _call_model(self, command: CallModel) -> None:
        event = await self._answer(command)
        if isinstance(event, ModelFailed) and self._remaining() <= CLOCK_TICK_S:  # the call had no longer than the run
            self._run_out_of_time()
        self._take_home(event)

    async def _answer(self, command: CallModel) -> ModelResponded | ModelFailed:
        call = self._context(command.step, 0, command.request.request_id)
        try:
            response = await self._ask_twice(command, call)
        except LLMIntegrationError as error:
            return ModelFailed(step=command.step, error=ErrorRecord.of(error), at=self.now())
        except Exception as error:  # the same boundary: a defect in a client fails the run, visibly
            return ModelFailed(step=command.step, error=ErrorRecord.of(UnexpectedError.of(error)), at=self.now())
        return ModelResponded(step=command.step, response=with_bounded_arguments(response), at=self.now())

    async def _ask_twice(self, command: CallModel, call: CallContext) -> ModelResponse:
        try:
            return await self._ports.model.respond(command.request, call)
        except OutcomeUnknownError:
            again = changed(call, attempt=2, remaining_s=self._remaining())
            return await self._ports.model.respond(command.request, again)

    async def _run_tool(self, command: RunTool) -> None:
        call_id = command.call.call_id
        if command.schema.effect == "once":
            self.receive(ToolStarted(call_id=call_id, at=self.now()))
            await self._writer.flush()
        try:
            result = await self._tool_calls.result(command, self._context(command.step, command.index, call_id))
        except CallerAwayError as error:
            self.end("failed", ErrorRecord.of(error))
            return
        content = result.result if result.success else result.error_message
        event = ToolCompleted(
            call_id=call_id, content=content, is_error=not result.success, duration_s=result.execution_time, at=self.now()
        )
        self._take_home(event)

    @contextmanager
    def _waiting_for_caller(self) -> Iterator[None]:
        self._waiting += 1
        if self._waiting == 1:
            self.receive(Paused(reason=WAITING_FOR_CALLER, at=self.now()))
        try:
            yield
        finally:
            self._waiting -= 1
            if self._waiting == 0:
                self._take_home(Resumed(reason=WAITING_FOR_CALLER, at=self.now()))

    def _context(self, step: int, index: int, call_id: str) -> CallContext:
        run = self.session.state.active_run
        session_id = self.session.session_id
        return CallContext(
            session_id=session_id,
            root_session_id=session_id,
            run_id=run.run_id,
            step=step,
            call_index=index,
            call_id=call_id,
            tenant=run.spec.tenant,
            priority=run.spec.priority,
            remaining_s=self._remaining(),
        )
