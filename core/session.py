"""The agentic loop as a pure state machine: events in, commands out. No clock, no I/O, no randomness.

An event that the table does not allow raises IllegalEventError and changes nothing. The state is a fold of the events,
so that `Session.replay(log)` equals the session that wrote the log.
"""

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import JsonValue

from . import transitions
from .commands import AskApproval, CallModel, Command, GiveUpTool, RunTool
from .events import (
    ApprovalGiven,
    ApprovalRequested,
    Event,
    MessageReceived,
    ModelFailed,
    ModelResponded,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
    ToolCompleted,
    ToolStarted,
)
from .exceptions import ErrorRecord, IllegalEventError
from .runs import RunStatus
from .session_state import CallState, Phase, SessionState
from .step_requests import step_request

Transition = Callable[[SessionState, Any], SessionState]  # the second is the event of the table's column

# What may happen in which phase, and what it does. Everything else is illegal.
TABLE: dict[Phase, dict[type, Transition]] = {
    Phase.IDLE: {
        RunStarted: transitions.start,
    },
    Phase.THINKING: {
        ModelResponded: transitions.take_answer,
        ModelFailed: transitions.fail,
        MessageReceived: transitions.hear,
        Paused: transitions.pause,
        Resumed: transitions.resume,
        RunEnded: transitions.end,
    },
    Phase.ACTING: {
        ToolStarted: transitions.mark_started,
        ToolCompleted: transitions.take_result,
        ApprovalRequested: transitions.mark_asked,
        ApprovalGiven: transitions.decide,
        MessageReceived: transitions.hear,
        Paused: transitions.pause,
        Resumed: transitions.resume,
        RunEnded: transitions.end,
    },
    Phase.ENDING: {
        RunEnded: transitions.end,
    },
}


class Session:
    """One agentic session: a history and the run under way."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.state = SessionState()
        self.seq = 0
        """How many events made this state."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Session) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # mutable

    @classmethod
    def replay(cls, session_id: str, events: Iterable[Event]) -> "Session":
        """The session that a log tells of; ask it for `pending()` to go on."""
        session = cls(session_id)
        for event in events:
            session.receive(event)
        return session

    def receive(self, event: Event) -> tuple[Command, ...]:
        """Take an event and say what to do next; raises IllegalEventError and changes nothing if it may not happen now."""
        before = self.state
        transition = TABLE[before.phase].get(type(event))
        if transition is None:
            raise IllegalEventError(f"{event.kind} may not happen while the session is {before.phase}", self.session_id)
        try:
            after = transition(before, event)
        except transitions.Forbidden as reason:
            raise IllegalEventError(f"{event.kind} may not happen: {reason}", self.session_id) from None
        self.state = after
        self.seq += 1
        return self._commands_after(event, before)

    def pending(self) -> tuple[Command, ...]:
        """What is to be done in the present state if nothing of it is under way: where a replayed session goes on."""
        state = self.state
        if state.phase is Phase.ENDING and state.ending is not None:
            return (state.ending,)
        if state.withheld or state.phase is Phase.IDLE:
            return ()
        if state.phase is Phase.THINKING:
            return (CallModel(step=state.active_run.step, request=step_request(state)),)
        return self._commands_for(state.calls)

    def ended(self, status: RunStatus, at: float, result: JsonValue = None, error: ErrorRecord | None = None) -> RunEnded:
        """The event that ends the run under way, with its totals."""
        run = self.state.active_run
        return RunEnded(
            run_id=run.run_id,
            status=status,
            at=at,
            result=result,
            error=error,
            steps=run.step,
            tool_calls=run.tool_calls,
            cache_hits=run.cache_hits,
            usage=run.usage,
            cost_usd=run.cost_usd,
            duration_s=max(0.0, at - run.started_at),
        )

    def _commands_after(self, event: Event, before: SessionState) -> tuple[Command, ...]:
        state = self.state
        entered = state.phase is not before.phase or state.active_run.step != before.active_run.step
        released = before.withheld and not state.withheld
        if entered or released:
            return self.pending()
        if isinstance(event, ApprovalGiven) and not state.withheld:
            return self._commands_for(call for call in state.calls if call.call.call_id == event.call_id)
        return ()

    def _commands_for(self, calls: Iterable[CallState]) -> tuple[Command, ...]:
        return tuple(command for call in calls if (command := self._command_for(call)) is not None)

    def _command_for(self, call: CallState) -> Command | None:
        match call.status:
            case "unapproved":
                return AskApproval(call=call.call)
            case "ready":
                assert call.schema is not None, "only a listed tool is ready"
                return RunTool(step=self.state.active_run.step, index=call.index, call=call.call, schema=call.schema)
            case "started":
                return GiveUpTool(call=call.call)
            case _:
                return None
