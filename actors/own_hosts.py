"""The hosts of sessions that asked for a process of their own: each is there while its session has a run under way.

The state of this is the journal, which knows the open sessions, and what the engine says of their hosts; so whoever holds it may
die and start anew at any time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from ..core.exceptions import LLMIntegrationError, OverloadedError
from ..core.settings import Settings
from .engine import ActorSpec
from .journal import JournalHandle
from .links import Links
from .names import Names
from .roster import own_host_spec

logger = logging.getLogger(__name__)

Keep = Callable[[ActorSpec], Awaitable[None]]
"""Replaces a living actor whenever it dies, until it is cancelled."""

TICK_S = 0.5
"""Between two looks at which runs are over."""
GRACE_S = 5.0
"""Seconds for which a host waits for a run to be seen in the journal; one may be too short to be seen."""
FULL_RETRY_S = 0.5


@dataclass(slots=True)
class _Host:
    keeping: asyncio.Task[None]
    asked_at: float
    is_new: bool
    """Whether the session was not known when its host was created: then its first run is over as soon as it is known and not open."""
    has_run: bool
    """Whether a run was seen under way since it was last asked for, or at that time."""


class OwnHosts:
    """Creates hosts of one session each, keeps them alive, and stops them."""

    def __init__(self, links: Links, settings: Settings, *, grace_s: float = GRACE_S) -> None:
        self._engine = links.engine
        self._settings = settings
        self._journal = JournalHandle(links.to(Names(settings).journal))
        self._most = settings.conversation_management.max_own_hosts
        self._grace_s = grace_s
        self._keep: Keep | None = None
        self._hosts: dict[str, _Host] = {}
        self._opening: set[str] = set()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._looking: asyncio.Task[None] | None = None

    async def start(self, keep: Keep) -> None:
        """Take over the sessions that have runs under way."""
        self._keep = keep
        for session_id in await self._journal.open_sessions():
            spec = await self._journal.first_spec(session_id)
            if spec is not None and spec.isolation == "process":
                await self.open(session_id)

    async def open(self, session_id: str) -> None:
        """Return when the session's host is there; it stays for a while, or to the end of the run. Raises OverloadedError."""
        async with self._locks.setdefault(session_id, asyncio.Lock()):
            is_running = session_id in await self._journal.open_sessions()
            if (host := self._hosts.get(session_id)) is not None:
                host.asked_at, host.is_new, host.has_run = asyncio.get_running_loop().time(), False, is_running
                return
            if len(self._hosts) + len(self._opening) >= self._most:
                message = f"{self._most} sessions have a process of their own, the bound conversation_management.max_own_hosts"
                raise OverloadedError(message, retry_after=FULL_RETRY_S)
            await self._create(session_id, is_running)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    async def close(self) -> None:
        """Stop all hosts; their runs stay open in the journal."""
        if self._looking is not None:
            self._looking.cancel()
        await asyncio.gather(*(self._stop(session_id) for session_id in tuple(self._hosts)))

    async def _create(self, session_id: str, is_running: bool) -> None:
        assert self._keep is not None, "open comes after start"
        spec = own_host_spec(self._settings, session_id)
        self._opening.add(session_id)
        try:
            is_new = not await self._journal.is_known(session_id)
            await self._engine.create(spec)
        finally:
            self._opening.discard(session_id)
        keeping = asyncio.ensure_future(self._keep(spec))
        self._hosts[session_id] = _Host(keeping, asyncio.get_running_loop().time(), is_new, is_running)

    async def _look(self) -> None:
        while self._hosts:
            await asyncio.sleep(TICK_S)
            try:
                await self._stop_idle()
            except LLMIntegrationError as error:
                logger.warning("cannot tell which runs are over: %s", error)

    async def _stop_idle(self) -> None:
        looked_at = asyncio.get_running_loop().time()
        running = set(await self._journal.open_sessions())
        idle = [session_id for session_id in tuple(self._hosts) if await self._is_idle(session_id, is_running=session_id in running)]
        for session_id in idle:
            async with self._locks.setdefault(session_id, asyncio.Lock()):
                if self._hosts[session_id].asked_at < looked_at:
                    await self._stop(session_id)
        begun = set(await self._journal.open_sessions()) if idle else set()
        for session_id in begun & set(idle):  # in the last moment; what is stopped begins no further run
            await self.open(session_id)

    async def _is_idle(self, session_id: str, *, is_running: bool) -> bool:
        host = self._hosts[session_id]
        host.has_run = host.has_run or is_running or (host.is_new and await self._journal.is_known(session_id))
        waited_s = asyncio.get_running_loop().time() - host.asked_at
        return not is_running and (host.has_run or waited_s > self._grace_s)

    async def _stop(self, session_id: str) -> None:
        keeping = self._hosts[session_id].keeping
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await self._engine.stop(own_host_spec(self._settings, session_id).name)
        self._hosts.pop(session_id, None)
