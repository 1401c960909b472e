"""How many workers each tool pool has: more are hired while calls wait, and let go when few would do.

A worker that is to go first takes no more calls. It ends when it has none in hand, and when no host can still think that it
belongs to the pool. The state of this actor is who lives and what hosts report, so it may die and start anew at any time.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.call_context import CallContext
from ..core.exceptions import ActorError, ActorUnavailableError, OutcomeUnknownError
from ..core.pool_settings import PoolSettings
from ..core.pool_size import PoolSize
from .engine import ActorSpec
from .keeping import Keeping, stop_actors
from .links import Links

logger = logging.getLogger(__name__)

TICK_S = 0.25
"""Between two looks at what is wanted."""
VIEW_S = 3.0
"""Seconds for which a host may rely on the workers that it was told of, and its report holds."""
MARGIN_S = 2.0
"""Seconds that a worker stays beyond that, and beyond its last answer: so long may a message be on its way."""

LATE_S = 10.0
"""Seconds after which a worker that has not started is said to be missing: mostly no node has what it needs."""
SILENCE_S = 120.0
"""Seconds after which a worker that should go and does not answer is ended: it can answer no call either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Who works in a pool beside those that are always there."""

    hired: tuple[str, ...] = ()
    missing: str = ""
    """Why there are fewer than wanted, when that is so for long, and what to do; for people."""


class _Place:
    """One worker's place in a pool: whether it should be filled, and whether it is."""

    def __init__(self, spec: ActorSpec) -> None:
        self.spec = spec
        self.is_filled = False
        self.missing_since: float | None = None
        self.wanted, self.unwanted = asyncio.Event(), asyncio.Event()
        self.want(False, 0.0)

    def want(self, wanted: bool, at: float) -> None:
        is_missing = wanted and not self.is_filled
        self.missing_since = (at if self.missing_since is None else self.missing_since) if is_missing else None
        now, no_more = (self.wanted, self.unwanted) if wanted else (self.unwanted, self.wanted)
        now.set()
        no_more.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pool:
    settings: PoolSettings
    size: PoolSize
    places: tuple[_Place, ...]

    def staff(self, now: float) -> Staff:
        hired = tuple(place.spec.name for place in self.places if place.is_filled)
        late = [place for place in self.places if place.missing_since is not None and now - place.missing_since >= LATE_S]
        return Staff(hired=hired, missing=_missing(late, now) if late else "")

    def settle(self, now: float) -> None:
        hired = self.size.settle(now) - self.settings.workers
        for index, place in enumerate(self.places):
            place.want(index < hired, now)


class ToolPools:
    """Hires and lets go of the workers that come and go; those that are always there are the supervisor's."""

    def __init__(
        self,
        links: Links,
        pools: Mapping[str, PoolSettings],
        spare: Mapping[str, Sequence[ActorSpec]],
        *,
        view_s: float = VIEW_S,
        margin_s: float = MARGIN_S,
    ) -> None:
        self._links = links
        self._settings = pools
        self._spare = spare
        self._view_s = view_s
        self._margin_s = margin_s
        self._keeping = Keeping(links, on_birth=self._welcome, on_death=self._miss)
        self._pools: dict[str, _Pool] = {}
        self._lacking: set[str] = set()
        self._places: dict[str, _Place] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Take over the workers that live, and watch over all pools."""
        self._pools = {name: await self._found(self._settings[name], specs) for name, specs in self._spare.items()}
        self._places = {place.spec.name: place for pool in self._pools.values() for place in pool.places}
        tasks = [self._settle(), *(self._tend(place) for place in self._places.values())]
        self._tasks = [asyncio.create_task(task) for task in tasks]

    async def stop(self) -> None:
        """Watch no more; the workers live on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._keeping.close()

    def workers(self, call: CallContext, caller: str, calls: dict[str, int]) -> dict[str, Staff]:
        """The hired workers of each pool, to be used for `view_s` from when this was asked.

        Args:
            call: Of the host that asks.
            caller: Who that is.
            calls: How many calls it has for each pool, under way or waiting.
        """
        now = asyncio.get_running_loop().time()
        for name, number in calls.items():
            if name in self._pools:
                self._pools[name].size.report(caller, number, now)
        return self._staff()

    def health(self) -> dict[str, Any]:  # JSON
        """The hired workers of each pool, and why workers are missing, where any are."""
        staff = self._staff()
        missing = {name: pool.missing for name, pool in staff.items() if pool.missing}
        return {"hired": {name: list(pool.hired) for name, pool in staff.items()}, **({"missing": missing} if missing else {})}

    def _staff(self) -> dict[str, Staff]:
        now = asyncio.get_running_loop().time()
        return {name: pool.staff(now) for name, pool in self._pools.items()}

    async def _found(self, settings: PoolSettings, specs: Sequence[ActorSpec]) -> _Pool:
        alive = [await self._links.engine.find(spec.name) is not None for spec in specs]
        hired = max((index + 1 for index, lives in enumerate(alive) if lives), default=0)
        size = PoolSize(settings, settings.workers + hired, report_lease_s=self._view_s)
        return _Pool(settings=settings, size=size, places=tuple(_Place(spec) for spec in specs))

    async def _settle(self) -> None:
        while True:
            for pool in self._pools.values():
                pool.settle(asyncio.get_running_loop().time())
            self._tell_missing()
            await asyncio.sleep(TICK_S)

    def _tell_missing(self) -> None:
        missing = {name: pool.missing for name, pool in self._staff().items() if pool.missing}
        for name in missing.keys() - self._lacking:
            logger.warning("tool pool %s: %s", name, missing[name])
        self._lacking = set(missing)

    async def _tend(self, place: _Place) -> None:
        while True:
            try:
                await place.wanted.wait()
                if await self._employ(place):
                    await self._dismiss(place)
                if place.unwanted.is_set():
                    logger.info("letting go of %s", place.spec.name)
                    await stop_actors(self._links.engine, [place.spec.name])
            except Exception:  # the boundary that supervises a place: whatever the engine's trouble is, it may pass
                logger.exception("trouble with %s", place.spec.name)
                await asyncio.sleep(TICK_S)

    async def _employ(self, place: _Place) -> bool:
        """Keep the worker until it is not wanted any more; whether it was at work then."""
        logger.info("hiring %s", place.spec.name)
        keeping = asyncio.create_task(self._keeping.keep(place.spec))
        try:
            await place.unwanted.wait()
        finally:
            was_filled, place.is_filled = place.is_filled, False
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        return was_filled

    async def _welcome(self, spec: ActorSpec) -> None:
        await self._links.to(spec.name).ask("take_calls", CallContext(remaining_s=self._view_s))  # it may have been about to go
        self._places[spec.name].is_filled = True

    def _miss(self, spec: ActorSpec) -> None:
        self._places[spec.name].is_filled = False

    async def _dismiss(self, place: _Place) -> None:
        """Return when nobody uses the worker any more, or it is wanted again; its calls end at their own deadlines, and so does this."""
        clock = asyncio.get_running_loop().time
        heard_at = clock()
        may_end_at = heard_at + self._view_s + self._margin_s
        while place.unwanted.is_set():
            in_hand = await self._calls_in_hand(place)
            if in_hand is not None:
                heard_at = clock()
            if in_hand != 0 and clock() < heard_at + SILENCE_S:
                may_end_at = max(may_end_at, clock() + self._margin_s)
            elif clock() >= may_end_at:  # never by the clock alone: this process may have been away
                return
            await asyncio.sleep(TICK_S)

    async def _calls_in_hand(self, place: _Place) -> int | None:
        """How many, now that it takes no more; none of the dead, and None of one that does not say."""
        try:
            in_hand: int = await self._links.to(place.spec.name).ask("refuse_calls", CallContext(remaining_s=self._view_s))
        except (ActorUnavailableError, OutcomeUnknownError):
            return 0
        except ActorError as error:
            logger.warning("%s does not say what it has in hand: %s", place.spec.name, error)
            return None
        return in_hand


def _missing(late: Sequence[_Place], now: float) -> str:
    waited_s = max(now - (place.missing_since or now) for place in late)
    wanted = late[0].spec.placement.wanted
    told = f"{len(late)} {'worker is' if len(late) == 1 else 'workers are'} wanted and could not be started for {waited_s:.0f} s"
    if not wanted:
        return f"{told}; the log of the keeper of the pools says why"
    needs = ", ".join(f"{name} {value}" for name, value in wanted.items())
    return f"{told}, each on a node with {needs}: add such a node or wait until one is free, or change what the pool's tools need"
