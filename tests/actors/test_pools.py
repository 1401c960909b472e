"""The keeper of the tool pools: it hires while calls wait, lets go of workers without losing a call, and may die at any time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from polaris_llm.actors.connection import greeting
from polaris_llm.actors.engine import ActorSpec
from polaris_llm.actors.inline_engine import InlineEngine
from polaris_llm.actors.keeping import stop_actors
from polaris_llm.actors.links import Links
from polaris_llm.actors.pools import Staff, ToolPools
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import ActorUnavailableError, OutcomeUnknownError
from polaris_llm.core.pool_settings import PoolSettings
from support.runtime_access import kill, names_of, started
from support.runtime_model import answer, call, plan, tell_results
from support.runtime_sessions import waiting_session
from support.runtime_tools import DEADLINE_S, GATES

CALL = CallContext(remaining_s=DEADLINE_S)
POOL = PoolSettings(workers=1, max_workers=3, calls_per_worker=1, grow_after_s=0, shrink_after_s=0)
SPARE = tuple(ActorSpec(name=name, factory=f"{__name__}:Worker") for name in ("spare/1", "spare/2"))
BIRTHS: Counter[str] = Counter()


class Worker:
    """A worker with calls in hand as a test says."""

    def __init__(self, links: Links) -> None:
        BIRTHS[links.actor_name] += 1
        self._in_hand = 0
        self._refuses = False

    def hold(self, call: CallContext, calls: int) -> None:
        """Have so many calls in hand."""
        if self._refuses:
            raise ActorUnavailableError("about to leave")
        self._in_hand = calls

    def end(self, call: CallContext) -> None:
        """Have none in hand any more."""
        self._in_hand = 0

    def refuse_calls(self, call: CallContext) -> int:
        """As a tool worker does."""
        self._refuses = True
        return self._in_hand

    def take_calls(self, call: CallContext) -> None:
        """As a tool worker does."""
        self._refuses = False


def keeper(links: Links) -> ToolPools:
    return ToolPools(links, {"default": POOL}, {"default": SPARE}, view_s=0.2, margin_s=0.2)


KEEPER = ActorSpec(name="pools", factory=f"{__name__}:keeper")


class House:
    """A keeper on an inline engine, and a host's view of it."""

    def __init__(self) -> None:
        self.engine = InlineEngine(greeting(), pickles=True, timeout_s=DEADLINE_S)
        self.links = Links(self.engine, "host", greeting(), timeout_s=DEADLINE_S)
        self.calls = 0

    async def hired(self) -> tuple[str, ...]:
        """What the keeper tells the host, which has so many calls."""
        keeper, report = self.links.to("pools"), {"default": self.calls}
        try:
            told: dict[str, Staff] = await keeper.ask("workers", CALL, "host", report)
        except OutcomeUnknownError:  # it has just died
            told = await keeper.ask("workers", CALL, "host", report)
        return told["default"].hired

    async def until_hired(self, *names: str) -> None:
        """Return when these are the hired workers."""
        await self.until(lambda: self._are_hired(names))

    async def until_gone(self, name: str) -> None:
        """Return when a worker has ended; the host goes on reporting."""
        await self.until(lambda: self._is_gone(name))

    async def until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        """Return when it is so."""
        async with asyncio.timeout(DEADLINE_S):
            while not await is_so():
                await asyncio.sleep(0.01)

    async def ask(self, worker: str, method: str, *arguments: Any) -> Any:  # as the worker's methods
        """What a worker answers."""
        return await self.links.to(worker).ask(method, CALL, *arguments)

    async def _are_hired(self, names: tuple[str, ...]) -> bool:
        return await self.hired() == names

    async def _is_gone(self, name: str) -> bool:
        await self.hired()
        return await self.engine.find(name) is None


@pytest.fixture
async def house() -> AsyncIterator[House]:
    BIRTHS.clear()
    house = House()
    await house.engine.create(KEEPER)
    yield house
    await stop_actors(house.engine, ["pools", "spare/1", "spare/2"])
    await house.links.close()


@pytest.mark.anyio
async def test_a_pool_is_as_large_as_its_calls_need_and_no_larger_than_it_may(house: House) -> None:
    assert await house.hired() == ()

    house.calls = 2
    await house.until_hired("spare/1")
    house.calls = 100
    await house.until_hired("spare/1", "spare/2")

    assert BIRTHS == {"spare/1": 1, "spare/2": 1}


@pytest.mark.anyio
async def test_a_worker_that_is_let_go_first_ends_what_it_has_in_hand(house: House) -> None:
    house.calls = 3
    await house.until_hired("spare/1", "spare/2")
    await house.ask("spare/2", "hold", 1)

    house.calls = 1
    await house.until_hired()
    await house.until_gone("spare/1")
    assert await house.engine.find("spare/2") is not None
    with pytest.raises(ActorUnavailableError, match="about to leave"):
        await house.ask("spare/2", "hold", 2)
    await house.ask("spare/2", "end")

    await house.until_gone("spare/2")


@pytest.mark.anyio
async def test_a_worker_that_is_wanted_again_before_it_has_gone_stays(house: House) -> None:
    house.calls = 2
    await house.until_hired("spare/1")
    await house.ask("spare/1", "hold", 1)
    house.calls = 1
    await house.until_hired()

    house.calls = 2
    await house.until_hired("spare/1")

    await house.ask("spare/1", "hold", 2)
    assert BIRTHS == {"spare/1": 1}


@pytest.mark.anyio
async def test_a_hired_worker_that_dies_is_replaced(house: House) -> None:
    house.calls = 2
    await house.until_hired("spare/1")

    await house.engine.stop("spare/1")

    await house.until(lambda: _born(2))
    await house.until_hired("spare/1")


@pytest.mark.anyio
async def test_a_new_keeper_takes_over_the_workers_that_live_and_lets_go_of_them_when_they_are_not_needed(house: House) -> None:
    house.calls = 3
    await house.until_hired("spare/1", "spare/2")
    await house.engine.stop("pools")

    await house.engine.create(KEEPER)
    await house.until_hired("spare/1", "spare/2")
    assert BIRTHS == {"spare/1": 1, "spare/2": 1}

    house.calls = 0
    await house.until_gone("spare/1")
    await house.until_gone("spare/2")


@pytest.mark.anyio
async def test_a_new_keeper_takes_back_a_worker_that_was_about_to_go(house: House) -> None:
    house.calls = 2
    await house.until_hired("spare/1")
    await house.ask("spare/1", "hold", 1)
    house.calls = 0
    await house.until_hired()
    await house.engine.stop("pools")

    house.calls = 2
    await house.engine.create(KEEPER)
    await house.until_hired("spare/1")

    await house.ask("spare/1", "hold", 2)
    assert BIRTHS == {"spare/1": 1}


async def _born(times: int) -> bool:
    return BIRTHS["spare/1"] == times


def test_sessions_use_the_workers_that_are_hired_for_them_and_all_end_with_the_runtime() -> None:
    pool = {"workers": 1, "max_workers": 3, "calls_per_worker": 1, "grow_after_s": 0.0}
    with started(tool_registry=pool) as runtime:
        waiting = [waiting_session(runtime, tell_results()) for _ in range(3)]

        actors = runtime.health()["actors"]
        names = names_of(runtime).pools["default"]
        assert {name: actors[name]["in_hand"] for name in (*names.steady, *names.spare)} == dict.fromkeys((*names.steady, *names.spare), 1)

        for session, gate in waiting:
            GATES[gate].open()
            assert session.result(DEADLINE_S).result == f'["passed {gate}"]'


def test_a_pool_of_its_own_runs_the_tools_that_it_lists_by_name_and_by_reference() -> None:
    pools = {"special": {"workers": 1, "tools": ["support.runtime_tools:where_am_i"]}}
    with started(tool_registry={"tools": ["support.runtime_tools:add"], "pools": pools}) as runtime:
        steps = plan(call("add", a=1, b=2), call("where_am_i"), tell_results())
        for name in ("where_am_i", "support.runtime_tools:where_am_i"):
            before = runtime.health()["actors"]["polaris/tools/special/0"]["served"]

            outcome = runtime.submit(steps, tools=["add", name]).result(DEADLINE_S)

            assert outcome.result == '[3, "here"]'
            assert runtime.health()["actors"]["polaris/tools/special/0"]["served"] > before + 1


def test_a_pool_may_grow_again_after_its_keeper_died() -> None:
    with started(tool_registry={"workers": 1, "max_workers": 2, "calls_per_worker": 1, "grow_after_s": 0.0}) as runtime:
        kill(runtime, names_of(runtime).pool_keeper)

        waiting = [waiting_session(runtime, answer("done")) for _ in range(2)]

        for session, gate in waiting:
            GATES[gate].open()
            assert session.result(DEADLINE_S).ok
