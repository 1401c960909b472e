"""Starts a runtime's actors, watches them, and replaces those that die.

Its state is nothing but the settings: names say who should live, the engine says who does, and hosts bring their sessions
back from the journal by themselves. So it may die and start anew at any time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from ..core.call_context import CallContext
from ..core.settings import Settings
from .engine import ActorSpec
from .keeping import Keeping, stop_actors
from .links import Links

logger = logging.getLogger(__name__)


class OwnHosts(Protocol):
    """Actors that come and go with single sessions."""

    async def start(self, keep: Callable[[ActorSpec], Awaitable[None]]) -> None:
        """Take over those that should live; `keep` replaces one whenever it dies."""
        ...

    async def open(self, session_id: str) -> None:
        """Return when a session's is there."""
        ...

    async def close(self) -> None:
        """Stop all."""
        ...


class Supervisor:
    """Keeps a roster of actors alive, for as long as their owner is, unless they are detached from it."""

    def __init__(
        self,
        links: Links,
        roster: Sequence[ActorSpec],
        settings: Settings,
        *,
        owner_lease_s: float | None,
        spare: Sequence[str] = (),
        founder: str = "",
        own_hosts: OwnHosts | None = None,
    ) -> None:
        """`spare` are actors that others of the roster may have created: they end with all the rest."""
        self._links = links
        self._keeping = Keeping(links, on_death=self._count)
        self._spare = tuple(spare)
        self._roster = tuple(roster)
        self._settings = settings
        self._founder = founder
        self._own_hosts = own_hosts
        self._owner_lease_s = owner_lease_s
        self._replaced: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._lease: asyncio.TimerHandle | None = None
        self._stopping_all: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Create what is missing, and watch over all."""
        await asyncio.gather(*(self._links.engine.create(spec) for spec in self._roster))
        self._tasks = [asyncio.create_task(self._keeping.keep(spec, is_there=True)) for spec in self._roster]
        if self._own_hosts is not None:
            await self._own_hosts.start(self._keep_own_host)
        self._renew_lease()

    async def stop(self) -> None:
        """Stop watching; the actors live on, but for hosts of single sessions, which nobody else knows by name."""
        if self._own_hosts is not None:
            await self._own_hosts.close()
        for task in self._tasks:
            task.cancel()
        if self._lease is not None:
            self._lease.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._keeping.close()

    def settings(self, call: CallContext) -> Settings:
        """What the runtime was started with: joiners need nothing else."""
        return self._settings

    def founder(self, call: CallContext) -> str:
        """Which of those that started the runtime at the same time was the first, and so owns it."""
        return self._founder

    async def own_host(self, call: CallContext, session_id: str) -> None:
        """Return when the session's own host is there, for as long as its run is under way; raises OverloadedError."""
        assert self._own_hosts is not None, "only for sessions, whose supervisors have them"
        await self._own_hosts.open(session_id)

    def renew_lease(self, call: CallContext) -> None:
        """The owner lives."""
        self._renew_lease()

    def health(self) -> dict[str, dict[str, int]]:
        """How often each actor was replaced."""
        return {"replaced": dict(self._replaced)}

    def _renew_lease(self) -> None:
        if self._owner_lease_s is None:
            return
        if self._lease is not None:
            self._lease.cancel()
        loop = asyncio.get_running_loop()
        due = loop.time() + self._owner_lease_s
        self._lease = loop.call_at(due, self._lease_is_over, self._owner_lease_s, due)

    def _lease_is_over(self, lease_s: float, due: float) -> None:
        if asyncio.get_running_loop().time() - due > lease_s / 4:  # it was this process that was away, and its owner is still to be heard
            self._renew_lease()
            return
        logger.warning("the owner of this runtime gave no sign of life for %s s: stopping its actors", lease_s)
        self._stopping_all = asyncio.create_task(self._stop_all())

    async def _stop_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._own_hosts is not None:
            await self._own_hosts.close()
        await stop_actors(self._links.engine, [*(spec.name for spec in reversed(self._roster)), *self._spare, self._links.actor_name])

    async def _keep_own_host(self, spec: ActorSpec) -> None:
        keeping = Keeping(self._links, on_death=self._count)
        try:
            await keeping.keep(spec, is_there=True)
        finally:
            self._replaced.pop(spec.name, None)
            await keeping.close()

    def _count(self, spec: ActorSpec) -> None:
        self._replaced[spec.name] = self._replaced.get(spec.name, 0) + 1
