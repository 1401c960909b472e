"""Submits sessions with what belongs to them in this process: their live tools, and a callback for their events."""

import asyncio
from collections.abc import Sequence

from ..core.exceptions import LLMIntegrationError
from .background import Chores
from .conversation import Submission
from .journal import unknown_session
from .live_tools import LiveTools
from .requests import OnEvent, Request, with_live_tools
from .sessions import Sessions

FOREVER_S = 10.0 * 365 * 86400

Home = asyncio.AbstractEventLoop | None
"""The loop that submitted, on which async live tools run; None where plain code did."""


class Submissions:
    """Used on the runtime's own loop only."""

    def __init__(self, sessions: Sessions, live_tools: LiveTools, chores: Chores) -> None:
        self._sessions = sessions
        self._live_tools = live_tools
        self._chores = chores

    async def submit_all(self, requests: Sequence[Request], home: Home) -> None:
        """Return when all are in the journal; raises what the first that fails raises."""
        await asyncio.gather(*(self._submit(request, home) for request in requests))

    async def attach(self, request: Request, home: Home) -> None:
        """Serve the live tools of a session that is there already; raises UnknownSessionError."""
        if not await self._sessions.is_known(request.session_id):
            raise unknown_session(request.session_id)
        await self._serve(request, home)

    async def close(self) -> None:
        """Stop serving live tools."""
        await self._live_tools.close()

    async def _submit(self, request: Request, home: Home) -> None:
        spec = await self._sessions.with_tools(request.spec, request.pool_tools)
        if request.live_tools:
            spec = with_live_tools(spec, request.live_tools, self._live_tools.caller_id)
        if request.live_tools and not await self._sessions.is_known(request.session_id):
            await self._live_tools.attach(request.session_id, request.live_tools, home)
        try:
            await self._sessions.submit(Submission(session_id=request.session_id, run_id=f"{request.session_id}.1", spec=spec))
        except LLMIntegrationError:
            self._live_tools.rest(request.session_id)
            raise
        if request.on_event is not None:
            self._chores.do(self._tell_events(request.session_id, request.on_event))
        if request.live_tools:  # also of a session that was there: now it is known to be this one
            await self._serve(request, home)

    async def _serve(self, request: Request, home: Home) -> None:
        await self._live_tools.attach(request.session_id, request.live_tools, home)
        self._chores.do(self._rest_at_end(request.session_id))

    async def _rest_at_end(self, session_id: str) -> None:
        try:
            await self._sessions.outcome(session_id, FOREVER_S)
        finally:
            self._live_tools.rest(session_id)

    async def _tell_events(self, session_id: str, on_event: OnEvent) -> None:
        async for event in self._sessions.follow(session_id, 0, FOREVER_S):
            await asyncio.to_thread(on_event, event)
