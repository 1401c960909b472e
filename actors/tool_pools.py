"""The way from a host of sessions to the tool workers: which pool runs a tool, and which worker of it is free.

In a pool that may grow a worker is given so many calls at once, and further ones wait here for the first that is free, a
newly hired one perhaps. How many there are is told to the keeper of the pools for as long as there are any.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from pydantic import JsonValue

from ..core.call_context import CallContext
from ..core.exceptions import ActorError, ActorUnavailableError, DeadlineExceededError, OutcomeUnknownError
from ..core.frozen import changed
from ..core.models import ToolResult
from ..core.ports import ToolPort
from ..core.settings import Settings
from .background import Chores
from .links import Link, Links
from .names import Names
from .pools import VIEW_S, Staff

logger = logging.getLogger(__name__)

REPORT_S = 0.5
"""Between two reports of one host to the keeper."""
MARGIN_S, MARGIN = 1.0, 0.1
"""How long before a call's deadline, at most and as a part of its time, waiting ends: its run, which may end with it, is told why."""


class ToolPoolHandle:
    """ToolPort over one pool: each call goes to the worker that has the fewest of ours in hand."""

    def __init__(self, steady: Sequence[Link], calls_per_worker: int | None = None, *, patience_s: float = 60.0) -> None:
        """`calls_per_worker` bounds what one worker is given at once; None gives all at once. A call without deadline has `patience_s`."""
        self.calls = 0
        """Under way, or waiting for a worker."""
        self._steady = tuple(steady)
        self._limit = calls_per_worker
        self._patience_s = patience_s
        self._hired: tuple[Link, ...] = ()
        self._hired_until = 0.0
        self._missing = ""
        self._in_hand: Counter[Link] = Counter()
        self._waiting: deque[asyncio.Future[Link]] = deque()

    def staff(self, hired: Sequence[Link], until: float, missing: str = "") -> None:
        """Beside those that are always there, these workers may be used until this time of the loop's clock; `missing` as in Staff."""
        self._hired, self._hired_until, self._missing = tuple(hired), until, missing
        self._hand_out()

    async def run_tool(
        self, name: str, arguments: Mapping[str, JsonValue], call: CallContext, context: Mapping[str, JsonValue]
    ) -> ToolResult:
        """See ToolPort; raises DeadlineExceededError when no worker is free in the call's remaining time."""
        self.calls += 1
        try:
            return await self._run(name, arguments, call, context)
        finally:
            self.calls -= 1

    async def _run(self, name: str, arguments: Mapping[str, JsonValue], call: CallContext, context: Mapping[str, JsonValue]) -> ToolResult:
        clock = asyncio.get_running_loop().time
        time_s = self._patience_s if call.remaining_s is None else call.remaining_s
        deadline = clock() + time_s
        while True:
            worker = await self._free_worker(name, deadline - min(MARGIN_S, MARGIN * time_s))
            try:
                result: ToolResult = await worker.ask("run_tool", changed(call, remaining_s=deadline - clock()), name, arguments, context)
                return result
            except (ActorUnavailableError, OutcomeUnknownError) as error:
                self._hired = tuple(link for link in self._hired if link is not worker)
                if worker in self._steady or isinstance(error, OutcomeUnknownError):
                    raise  # else it was let go a moment ago, and nothing was done
            finally:
                self._give_back(worker)

    async def _free_worker(self, name: str, deadline: float) -> Link:
        if not self._waiting and (worker := self._least_busy()) is not None:
            self._in_hand[worker] += 1
            return worker
        turn: asyncio.Future[Link] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                return await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._give_back(turn.result())
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                message = f"no tool worker was free for {name!r} before the deadline of its call"
                raise DeadlineExceededError(f"{message}: {self._missing}" if self._missing else message) from None
            raise

    def _give_back(self, worker: Link) -> None:
        self._in_hand[worker] -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        """Give workers to those that wait, in their order."""
        while self._waiting and (worker := self._least_busy()) is not None:
            turn = self._waiting.popleft()
            if not turn.done():
                self._in_hand[worker] += 1
                turn.set_result(worker)

    def _least_busy(self) -> Link | None:
        hired = self._hired if asyncio.get_running_loop().time() < self._hired_until else ()
        worker = min((*self._steady, *hired), key=self._in_hand.__getitem__, default=None)
        is_free = worker is not None and (self._limit is None or self._in_hand[worker] < self._limit)
        return worker if is_free else None


class ToolPoolsHandle:
    """ToolPort over all pools."""

    def __init__(self, pools: Mapping[str, ToolPoolHandle], pool_of: Callable[[str], str], keeper: Link | None, links: Links) -> None:
        """`pool_of` finds a tool's pool by its reference, or its name; without a keeper no pool grows."""
        self._pools = pools
        self._pool_of = pool_of
        self._keeper = keeper
        self._links = links
        self._chores = Chores()
        self._reporting = False

    async def run_tool(
        self, name: str, arguments: Mapping[str, JsonValue], call: CallContext, context: Mapping[str, JsonValue]
    ) -> ToolResult:
        """See ToolPort."""
        if self._keeper is not None and not self._reporting:
            self._reporting = True
            self._chores.do(self._report_while_busy(self._keeper))
        return await self._pools[self._pool_of(name)].run_tool(name, arguments, call, context)

    async def _report_while_busy(self, keeper: Link) -> None:
        try:
            await asyncio.sleep(0)  # so that the call that began this counts
            while any(pool.calls for pool in self._pools.values()):
                await self._report(keeper)
                await asyncio.sleep(REPORT_S)
        finally:
            self._reporting = False

    async def _report(self, keeper: Link) -> None:
        asked_at = asyncio.get_running_loop().time()
        calls = {name: pool.calls for name, pool in self._pools.items()}
        try:
            staff: dict[str, Staff] = await keeper.ask("workers", CallContext(remaining_s=VIEW_S), self._links.name, calls)
        except ActorError as error:
            logger.info("the keeper of the tool pools does not answer: %s", error)
            return
        for name, pool in staff.items():
            self._pools[name].staff([self._links.to(worker) for worker in pool.hired], asked_at + VIEW_S, pool.missing)


def tool_pools(links: Links, settings: Settings) -> ToolPort:
    """All pools of the settings, as a host uses them."""
    registry, names = settings.tool_registry, Names(settings)
    pools = {
        name: ToolPoolHandle(
            [links.to(worker) for worker in names.pools[name].steady],
            pool.calls_per_worker if pool.may_grow else None,
            patience_s=links.timeout_s,
        )
        for name, pool in registry.all_pools.items()
    }
    keeper = links.to(names.pool_keeper) if any(pool.may_grow for pool in registry.all_pools.values()) else None
    return ToolPoolsHandle(pools, registry.pool_of, keeper, links)
