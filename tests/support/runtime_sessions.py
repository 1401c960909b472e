"""What the runtime's tests ask of sessions, always with a deadline."""

import json

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.actors.session_handle import SessionHandle
from polaris_llm.core.events import Paused
from support.runtime_access import new_id
from support.runtime_model import Step, call, plan
from support.runtime_tools import DEADLINE_S, GATES


def results_of(session: SessionHandle) -> list[object]:
    """What the session's tools answered, as its model told it."""
    results: list[object] = json.loads(str(session.result(DEADLINE_S).result))
    return results


def await_pause(session: SessionHandle) -> None:
    """Return when the session waits for its caller."""
    reasons = (event.reason for event in session.events(timeout=DEADLINE_S) if isinstance(event, Paused))
    assert next(reasons) == "waiting_for_caller"


def kinds_of(session: SessionHandle, after: int = 0) -> list[str]:
    """The kinds of a session's events, to the end of its run."""
    return [event.kind for event in session.events(after, DEADLINE_S)]


def waiting_session(runtime: LLMRuntime, *rest: Step) -> tuple[SessionHandle, str]:
    """A session whose tool waits at the gate of this name."""
    gate = new_id()
    session = runtime.submit(plan(call("wait_at", gate=gate), *rest), tools=["wait_at"])
    GATES[gate].await_arrival()
    return session, gate
