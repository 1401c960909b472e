"""Keeps actors alive, made, watched and made again when they die; and ends them."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence

from ..core.exceptions import LLMIntegrationError
from .engine import ActorGoneError, ActorSpec, Engine
from .links import Links

logger = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 30.0
"""Between two deaths of one actor: doubled by each death that follows a short life."""
LONG_LIFE_S = 60.0
ABSENT_S = 1.0
"""Seconds after which an actor that cannot be found counts as dead: it died before it could be watched."""


Born = Callable[[ActorSpec], Awaitable[None]]
Dead = Callable[[ActorSpec], None]


async def _nothing(spec: ActorSpec) -> None:
    """No more than that it was created."""


class Keeping:
    """How one actor keeps others alive, as long as it is told to."""

    def __init__(self, links: Links, *, on_death: Dead, on_birth: Born = _nothing) -> None:
        """`on_birth` belongs to the creation: an actor for which it fails is created anew."""
        self._links = Links(links.engine, links.actor_name, links.greeting, timeout_s=ABSENT_S)
        self._on_birth = on_birth
        self._on_death = on_death

    async def close(self) -> None:
        """Stop watching."""
        await self._links.close()

    async def keep(self, spec: ActorSpec, *, is_there: bool = False) -> None:
        """Keep an actor alive until this is cancelled; one that dies young is made again ever more rarely."""
        loop, pause = asyncio.get_running_loop(), 0.0
        while True:
            born = loop.time()
            if is_there or await self._create(spec):
                await self._links.to(spec.name).watch()
                logger.warning("%s died; replacing it", spec.name)
                self._on_death(spec)
            pause = 0.0 if loop.time() - born > LONG_LIFE_S else min(max(2 * pause, FIRST_PAUSE_S), LONGEST_PAUSE_S)
            await asyncio.sleep(pause)
            is_there = False

    async def _create(self, spec: ActorSpec) -> bool:
        try:
            await self._links.engine.create(spec)
            await self._on_birth(spec)
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
