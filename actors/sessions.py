"""What a client of a runtime does with sessions, by messages: from the submitting process, or from another actor."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from ..core.call_context import CallContext
from ..core.configured_tools import configured_tool
from ..core.events import Event
from ..core.exceptions import ActorUnavailableError, LLMConfigurationError, OutcomeUnknownError
from ..core.needed_pools import require_pool
from ..core.pool_settings import DEFAULT_POOL
from ..core.runs import Isolation, RunOutcome, RunSpec
from ..core.session_summaries import SessionSummary
from ..core.settings import Settings
from ..core.tool_schema import ListedTool
from .conversation import Submission
from .journal import JournalHandle, unknown_session
from .links import Link, Links
from .names import Names
from .requests import completed

OWN_HOST_S = 150.0
"""Seconds in which a session's own host must be there; until then it may have to wait for others to end."""


class Sessions:
    """Submits sessions to their hosts and reads what comes of them from the journal."""

    def __init__(self, links: Links, settings: Settings) -> None:
        self._links = links
        self._settings = settings
        self._names = Names(settings)
        self._journal = JournalHandle(links.to(self._names.journal))
        self._listed: dict[str, ListedTool] | None = None

    async def submit(self, submission: Submission) -> None:
        """Return when the session is in the journal, and so survives its host; a full host is waited for."""
        complete = replace(submission, spec=completed(submission.spec, self._settings))
        await self._ask_home(complete.spec.isolation, submission.session_id, "submit", complete)

    async def run(self, session_id: str, spec: RunSpec, timeout_s: float) -> RunOutcome:
        """How the first run of a session ended, which is submitted if it is not there; raises TimeoutError."""
        await self.submit(Submission(session_id=session_id, run_id=f"{session_id}.1", spec=spec))
        return await self.outcome(session_id, timeout_s)

    async def say(self, session_id: str, run_id: str, text: str) -> None:
        """See ConversationHost."""
        await self._ask(session_id, "say", session_id, run_id, text)

    async def cancel(self, session_id: str) -> bool:
        """See ConversationHost."""
        cancelled: bool = await self._ask(session_id, "cancel", session_id)
        return cancelled

    async def decide(self, session_id: str, call_id: str, approved: bool, reason: str = "") -> None:
        """See ConversationHost."""
        await self._ask(session_id, "decide", session_id, call_id, approved, reason)

    async def pause(self, session_id: str, reason: str) -> None:
        """See ConversationHost."""
        await self._ask(session_id, "pause", session_id, reason)

    async def resume(self, session_id: str, reason: str) -> None:
        """See ConversationHost."""
        await self._ask(session_id, "resume", session_id, reason)

    async def outcome(self, session_id: str, timeout_s: float) -> RunOutcome:
        """See JournalHandle."""
        return await self._journal.outcome(session_id, timeout_s)

    async def read(self, session_id: str, after: int = 0) -> tuple[Event, ...]:
        """See JournalHandle."""
        return await self._journal.read(session_id, after)

    def follow(self, session_id: str, after: int, timeout_s: float) -> AsyncIterator[Event]:
        """See JournalHandle."""
        return self._journal.follow(session_id, after, timeout_s)

    async def is_known(self, session_id: str) -> bool:
        """See JournalHandle."""
        return await self._journal.is_known(session_id)

    async def log(self, session_id: str, after: int) -> tuple[Event, ...]:
        """The events after the first `after` that have happened so far; raises UnknownSessionError."""
        events = await self._journal.read(session_id, after)
        if not events and not await self._journal.is_known(session_id):
            raise unknown_session(session_id)
        return events

    async def newest(self, count: int, only_open: bool) -> tuple[SessionSummary, ...]:
        """See newest_summaries."""
        return tuple(await self.ask_twice(self._names.journal, "newest", CallContext(), count, only_open))

    async def session_ids(self) -> tuple[str, ...]:
        """See JournalHandle."""
        return await self._journal.session_ids()

    async def with_tools(self, spec: RunSpec, tools: Sequence[str]) -> RunSpec:
        """The spec with pool tools added: names of the settings' tools, or references `module:attribute`. Raises LLMConfigurationError."""
        named = [await self._listed_tool(name) for name in tools if ":" not in name]
        referred = [self._tool_at(reference) for reference in tools if ":" in reference]
        elsewhere = [tool for tool in named if self._settings.tool_registry.pool_of(tool.reference) != DEFAULT_POOL]
        return replace(
            spec,
            tools=(*spec.tools, *(tool.schema for tool in (*named, *referred))),
            tool_references={**spec.tool_references, **{tool.schema.name: tool.reference for tool in (*elsewhere, *referred)}},
        )

    async def ask_twice(self, actor: str, method: str, call: CallContext, *arguments: Any) -> Any:  # as the actor's method
        """An actor's answer; it is asked again when it died, maybe long ago: for what may be asked twice."""
        link = self._links.to(actor)
        try:
            return await link.ask(method, call, *arguments)
        except OutcomeUnknownError:
            return await link.ask(method, call, *arguments)

    async def _listed_tool(self, name: str) -> ListedTool:
        if self._listed is None:
            workers = [pool.steady[0] for pool in self._names.pools.values() if pool.steady]
            listed = await asyncio.gather(*(self.ask_twice(worker, "listed", CallContext()) for worker in workers))
            self._listed = {name: tool for tools in listed for name, tool in tools.items()}
        if name not in self._listed:
            known = ", ".join(sorted(self._listed)) or "none"
            message = f"unknown tool {name!r}; known: {known}. Give it as 'module:name', or list it in tool_registry.tools"
            raise LLMConfigurationError(message, config_key="tools", config_value=name)
        return self._listed[name]

    def _tool_at(self, reference: str) -> ListedTool:
        tool = configured_tool(self._settings, reference)
        require_pool(self._settings, reference, tool)
        return ListedTool(reference=reference, schema=replace(tool.get_schema(), name=tool.name))

    async def _ask(self, session_id: str, method: str, *arguments: Any) -> Any:  # as the host's method
        spec = await self._journal.first_spec(session_id)
        isolation = "host" if spec is None else spec.isolation
        if isolation == "process" and method != "say" and session_id not in await self._journal.open_sessions():
            isolation = "host"  # which says so: no process is started for the news that no run is under way
        return await self._ask_home(isolation, session_id, method, *arguments)

    async def _ask_home(self, isolation: Isolation, session_id: str, method: str, *arguments: Any) -> Any:  # as the host's method
        if isolation == "host":
            return await self.ask_twice(self._names.host_of(session_id), method, CallContext(session_id=session_id), *arguments)
        try:
            return await self._ask_own_host(session_id, method, *arguments)
        except (ActorUnavailableError, OutcomeUnknownError):  # it died, or was stopped a moment before
            return await self._ask_own_host(session_id, method, *arguments)

    async def _ask_own_host(self, session_id: str, method: str, *arguments: Any) -> Any:  # as the host's method
        call = CallContext(session_id=session_id)
        await self.ask_twice(self._names.supervisor, "own_host", replace(call, remaining_s=OWN_HOST_S), session_id)
        link = Link(self._links, self._names.own_host(session_id))
        try:
            return await link.ask(method, call, *arguments)
        finally:
            await link.close()
