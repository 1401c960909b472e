"""Follows one run of a session to its end, and answers when a tool call asks for consent."""

import contextlib
import sys
from collections.abc import Callable
from typing import Literal

import click

from ..actors.session_handle import SessionHandle
from ..core.events import ApprovalRequested, Event, ModelResponded, RunEnded
from ..core.exceptions import ActorUnavailableError, LLMIntegrationError
from .output import one_line

Consent = Literal["yes", "ask", "no", "leave"]
"""To tool calls that ask for it: give it, ask the person at the terminal, refuse it, or leave it to others who are connected."""

REFUSED = "nobody was asked: `--yes` would approve"
ENDING_S = 60.0
"""Seconds from a run's deadline until its end must be known."""


def consent_of(yes: bool, *, is_shared: bool) -> Consent:
    """What becomes of tool calls that ask: whoever shares the runtime may decide where nobody sits at a terminal."""
    if yes:
        return "yes"
    if sys.stdin.isatty():
        return "ask"
    return "leave" if is_shared else "no"


def followed(session: SessionHandle, timeout_s: float, on_event: Callable[[Event], None], consent: Consent, after: int = 0) -> RunEnded:
    """The end of the first run that ends after the first `after` events; the run is cancelled when nobody waits for it any more."""
    names: dict[str, str] = {}
    try:
        for event in session.events(after, timeout_s):
            on_event(event)
            match event:
                case RunEnded():
                    return event
                case ModelResponded():
                    names |= {call.call_id: call.name for call in event.response.tool_calls}
                case ApprovalRequested():
                    _decide(session, event.call_id, names.get(event.call_id, event.call_id), consent)
    except BaseException:
        with contextlib.suppress(LLMIntegrationError):  # what is to be told is why it was left
            session.cancel()
        raise
    raise ActorUnavailableError(f"session {session.session_id!r} told no end of its run: see `polaris-llm sessions show`")


def _decide(session: SessionHandle, call_id: str, name: str, consent: Consent) -> None:
    match consent:
        case "yes":
            session.approve(call_id)
        case "ask":
            approved = click.confirm(f"Run {one_line(name)}?", default=False, err=True)
            session.approve(call_id, approved, "" if approved else "refused at the terminal")
        case "no":
            session.approve(call_id, False, REFUSED)
        case "leave":
            pass
