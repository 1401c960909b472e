"""Where runs meet the processes that hold their live tools.

A caller holds a lease for as long as it keeps asking `take`. When the lease runs out, calls it had taken fail as "outcome
unknown", and calls it had not taken as "caller away": their runs wait for whoever attaches next.
"""

import asyncio
import itertools
import secrets
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from ..core.call_context import CallContext
from ..core.exceptions import CallerAwayError, OutcomeUnknownError
from ..core.models import ToolResult
from .links import Link


@dataclass(frozen=True, slots=True)
class LiveCall:
    """One tool call for a caller to run."""

    number: int
    name: str
    arguments: dict[str, Any]  # JSON
    call: CallContext
    context: dict[str, Any]  # JSON


@dataclass(slots=True)
class _Caller:
    waiting: deque[LiveCall] = field(default_factory=deque)
    in_hand: dict[int, asyncio.Future[ToolResult]] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    lease: asyncio.TimerHandle | None = None


class CallerDesk:
    """Hands the tool calls of runs to the callers that serve their sessions."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._callers: dict[str, _Caller] = {}
        self._served_by: dict[str, str] = {}
        self._numbers = itertools.count(secrets.randbits(62))  # so that no late result for another desk fits a call of this one
        self._attached = asyncio.Event()

    def attach(self, call: CallContext, caller_id: str, session_ids: tuple[str, ...]) -> None:
        """From now on this caller runs the live tools of these sessions."""
        self._callers.setdefault(caller_id, _Caller())
        self._renewed(caller_id)
        for session_id in session_ids:
            self._served_by[session_id] = caller_id
        attached, self._attached = self._attached, asyncio.Event()
        attached.set()

    def come_back(self, call: CallContext, caller_id: str, session_ids: tuple[str, ...]) -> None:
        """Attach what was this caller's, but for what another has attached meanwhile."""
        self.attach(
            call, caller_id, tuple(session_id for session_id in session_ids if self._served_by.get(session_id) not in self._callers)
        )

    def detach(self, call: CallContext, caller_id: str, session_ids: tuple[str, ...]) -> None:
        """The sessions are over for this caller."""
        for session_id in session_ids:
            if self._served_by.get(session_id) == caller_id:
                del self._served_by[session_id]

    async def take(self, call: CallContext, caller_id: str) -> tuple[LiveCall, ...]:
        """Calls to run, as soon as there are any, or none after a third of the lease: then ask again.

        Raises:
            CallerAwayError: The caller's lease ran out, or this desk is new: it must attach its sessions again.
        """
        caller = self._renewed(caller_id)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._lease_s / 3):
                await caller.arrived.wait()
        if self._renewed(caller_id) is not caller:
            raise _unknown(caller_id)
        calls, caller.waiting = tuple(caller.waiting), deque()
        caller.arrived.clear()
        return calls

    def leave(self, call: CallContext, caller_id: str) -> None:
        """The caller says goodbye."""
        self._leave(caller_id)

    def complete(self, call: CallContext, caller_id: str, number: int, result: ToolResult) -> None:
        """A call's result; one that nobody waits for any more is dropped."""
        caller = self._callers.get(caller_id)
        future = caller.in_hand.pop(number, None) if caller else None
        if future is not None and not future.done():
            future.set_result(result)

    async def run_tool(self, call: CallContext, name: str, arguments: dict[str, Any], context: dict[str, Any]) -> ToolResult:  # JSON
        """The caller's result; raises CallerAwayError when nobody serves the session, OutcomeUnknownError when it left with the call."""
        caller = self._callers.get(self._served_by.get(call.session_id, ""))
        if caller is None:
            raise CallerAwayError(f"no process serves the live tool {name!r} of session {call.session_id}: attach one", "callers")
        number = next(self._numbers)
        future: asyncio.Future[ToolResult] = asyncio.get_running_loop().create_future()
        caller.in_hand[number] = future
        live_call = LiveCall(number, name, arguments, call, context)
        caller.waiting.append(live_call)
        caller.arrived.set()
        try:
            return await future
        finally:
            caller.in_hand.pop(number, None)
            if live_call in caller.waiting:
                caller.waiting.remove(live_call)

    async def caller_back(self, call: CallContext) -> None:
        """Return when somebody serves the session."""
        while self._served_by.get(call.session_id) not in self._callers:
            await self._attached.wait()

    def health(self) -> dict[str, int]:
        """Who is there."""
        return {"callers": len(self._callers), "sessions_served": len(self._served_by)}

    def _renewed(self, caller_id: str) -> _Caller:
        caller = self._callers.get(caller_id)
        if caller is None:
            raise _unknown(caller_id)
        if caller.lease is not None:
            caller.lease.cancel()
        caller.lease = asyncio.get_running_loop().call_later(self._lease_s, self._leave, caller_id)
        return caller

    def _leave(self, caller_id: str) -> None:
        caller = self._callers.pop(caller_id, None)
        if caller is None:
            return
        if caller.lease is not None:
            caller.lease.cancel()
        untaken = {live_call.number for live_call in caller.waiting}
        for number, future in caller.in_hand.items():
            if not future.done():
                future.set_exception(_parting(caller_id, taken=number not in untaken))
        self._served_by = {session: served_by for session, served_by in self._served_by.items() if served_by != caller_id}


def _unknown(caller_id: str) -> CallerAwayError:
    return CallerAwayError(f"{caller_id} is not known here: its lease ran out, or the desk was replaced", "callers")


def _parting(caller_id: str, *, taken: bool) -> CallerAwayError | OutcomeUnknownError:
    if taken:
        return OutcomeUnknownError(f"{caller_id} went away with the call in hand", "callers")
    return CallerAwayError(f"{caller_id} went away before it took the call", "callers")


class CallerDeskHandle:
    """ToolPort and CallerPort over the desk, for a run's live tools."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def run_tool(
        self, name: str, arguments: Mapping[str, JsonValue], call: CallContext, context: Mapping[str, JsonValue]
    ) -> ToolResult:
        """See ToolPort; raises CallerAwayError too."""
        result: ToolResult = await self._link.ask("run_tool", call, name, dict(arguments), dict(context))
        return result

    async def caller_back(self, call: CallContext) -> None:
        """See CallerPort."""
        while True:
            with suppress(OutcomeUnknownError):  # the desk died: its replacement will know
                await self._link.ask("caller_back", call)
                return
