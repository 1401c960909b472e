"""Starts a runtime's actors, watches them, and replaces those that die.

Its state is nothing but the settings: names say who should live, the engine says who does, and hosts bring their sessions
back from the journal by themselves. So it may die and start anew at any time.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from ..core.call_context import CallContext
from ..core.exceptions import LLMIntegrationError
from ..core.settings import Settings
from .engine import ActorGoneError, ActorSpec, Engine
from .links import Links

logger = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 30.0
"""Between two deaths of one actor: doubled by each death that follows a short life."""
LONG_LIFE_S = 60.0
ABSENT_S = 1.0
"""Seconds after which an actor that cannot be found counts as dead: it died before it could be watched."""


class Supervisor:
    """Keeps a roster of actors alive, for as long as their owner is, unless they are detached from it."""

    def __init__(self, links: Links, roster: Sequence[ActorSpec], settings: Settings, *, owner_lease_s: float | None) -> None:
        self._links = links
        self._watching = Links(links.engine, links.actor_name, links.greeting, timeout_s=ABSENT_S)
        self._roster = tuple(roster)
        self._settings = settings
        self._owner_lease_s = owner_lease_s
        self._replaced: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._lease: asyncio.TimerHandle | None = None
        self._stopping_all: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Create what is missing, and watch over all."""
        await asyncio.gather(*(self._links.engine.create(spec) for spec in self._roster))
        self._tasks = [asyncio.create_task(self._keep_alive(spec)) for spec in self._roster]
        self._renew_lease()

    async def stop(self) -> None:
        """Stop watching; the actors live on."""
        for task in self._tasks:
            task.cancel()
        if self._lease is not None:
            self._lease.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._watching.close()

    def settings(self, call: CallContext) -> Settings:
        """What the runtime was started with: joiners need nothing else."""
        return self._settings

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
        self._lease = asyncio.get_running_loop().call_later(self._owner_lease_s, self._owner_is_gone)

    def _owner_is_gone(self) -> None:
        logger.warning("the owner of this runtime gave no sign of life for %s s: stopping its actors", self._owner_lease_s)
        self._stopping_all = asyncio.create_task(self._stop_all())

    async def _stop_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        await stop_actors(self._links.engine, [*(spec.name for spec in self._roster), self._links.actor_name])

    async def _keep_alive(self, spec: ActorSpec) -> None:
        loop, pause, lives = asyncio.get_running_loop(), 0.0, True
        while True:
            born = loop.time()
            if lives:
                await self._watching.to(spec.name).watch()
                self._replaced[spec.name] = self._replaced.get(spec.name, 0) + 1
                logger.warning("%s died; replacing it", spec.name)
            pause = 0.0 if loop.time() - born > LONG_LIFE_S else min(max(2 * pause, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            await asyncio.sleep(pause)
            lives = await self._create(spec)

    async def _create(self, spec: ActorSpec) -> bool:
        try:
            await self._links.engine.create(spec)
        except (ActorGoneError, LLMIntegrationError, TimeoutError) as error:
            logger.error("%s could not be started: %s", spec.name, error)
            return False
        return True


async def stop_actors(engine: Engine, names: Sequence[str], *, within_s: float = 10.0) -> None:
    """Stop actors in this order and return when none of them can be found any more, or after `within_s` seconds."""
    for name in names:
        await engine.stop(name)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            for name in names:
                while await engine.find(name) is not None:
                    await asyncio.sleep(0.02)
