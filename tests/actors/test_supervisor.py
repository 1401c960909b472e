"""The supervisor: what dies is replaced, also after it died itself; what its owner leaves behind is stopped."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from polaris_llm.actors.connection import greeting
from polaris_llm.actors.engine import ActorSpec
from polaris_llm.actors.inline_engine import InlineEngine
from polaris_llm.actors.keeping import stop_actors
from polaris_llm.actors.links import Links
from polaris_llm.actors.mailbox import HEALTH
from polaris_llm.actors.roster import supervisor_spec
from polaris_llm.actors.supervisor import Supervisor
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.settings import Settings
from support.runtime_access import create, kill, names_of, started
from support.runtime_model import call, plan, tell_results
from support.runtime_tools import DEADLINE_S

CALL = CallContext()
SETTINGS = Settings()
ROSTER = tuple(ActorSpec(name=name, factory=f"{__name__}:Plain") for name in ("a", "b"))
BIRTHS: list[str] = []
REFUSED: set[str] = set()


class Plain:
    """An actor that does nothing."""

    def __init__(self, links: Links) -> None:
        BIRTHS.append(links.actor_name)
        if links.actor_name in REFUSED:
            REFUSED.discard(links.actor_name)
            raise LLMConfigurationError("not now")


def supervisor_of_two(links: Links, owner_lease_s: float | None = None) -> Supervisor:
    return Supervisor(links, ROSTER, SETTINGS, owner_lease_s=owner_lease_s)


SUPERVISOR = ActorSpec(name="supervisor", factory=f"{__name__}:supervisor_of_two")


@pytest.fixture
async def engine() -> AsyncIterator[InlineEngine]:
    BIRTHS.clear()
    engine = InlineEngine(greeting(), pickles=True, timeout_s=DEADLINE_S)
    yield engine
    await stop_actors(engine, ["supervisor", "a", "b"])


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Return when it is so."""
    async with asyncio.timeout(DEADLINE_S):
        while not await is_so():
            await asyncio.sleep(0)


async def is_gone(engine: InlineEngine, *names: str) -> bool:
    return [await engine.find(name) for name in names] == [None] * len(names)


@pytest.mark.anyio
async def test_starting_creates_what_is_missing_and_no_more(engine: InlineEngine) -> None:
    await engine.create(ROSTER[0])

    await engine.create(SUPERVISOR)

    assert sorted(BIRTHS) == ["a", "b"]


@pytest.mark.anyio
async def test_what_dies_is_replaced_every_time(engine: InlineEngine) -> None:
    await engine.create(SUPERVISOR)
    links = Links(engine, "client", greeting(), timeout_s=DEADLINE_S)

    for times in (2, 3):
        await engine.stop("a")
        await until(partial(births, times))

    assert BIRTHS.count("b") == 1
    assert (await links.to("supervisor").ask(HEALTH, CALL))["replaced"] == {"a": 2}
    await links.close()


@pytest.mark.anyio
async def test_a_replacement_that_does_not_start_is_tried_again(engine: InlineEngine) -> None:
    await engine.create(SUPERVISOR)
    REFUSED.add("a")

    await engine.stop("a")

    await until(partial(births, 3))


@pytest.mark.anyio
async def test_an_actor_that_cannot_live_is_tried_ever_more_rarely(engine: InlineEngine) -> None:
    await engine.create(SUPERVISOR)
    loop = asyncio.get_running_loop()
    began = loop.time()

    for number in range(2, 6):
        REFUSED.add("a")
        await engine.stop("a")
        await until(partial(births, number))

    assert loop.time() - began >= 0.05 + 0.1 + 0.2 + 0.4
    REFUSED.clear()


async def births(times: int) -> bool:
    return BIRTHS.count("a") == times


@pytest.mark.anyio
async def test_a_supervisor_that_stops_leaves_its_actors_alone(engine: InlineEngine) -> None:
    await engine.create(SUPERVISOR)

    await engine.stop("supervisor")

    assert not await is_gone(engine, "a")
    assert not await is_gone(engine, "b")


@pytest.mark.anyio
async def test_actors_whose_owner_is_silent_for_its_lease_are_stopped_with_their_supervisor(engine: InlineEngine) -> None:
    await engine.create(ActorSpec(name="supervisor", factory=f"{__name__}:supervisor_of_two", arguments={"owner_lease_s": 0.05}))

    await until(lambda: is_gone(engine, "supervisor", "a", "b"))

    assert sorted(BIRTHS) == ["a", "b"]


@pytest.mark.anyio
async def test_an_owner_that_renews_its_lease_keeps_its_actors(engine: InlineEngine) -> None:
    await engine.create(ActorSpec(name="supervisor", factory=f"{__name__}:supervisor_of_two", arguments={"owner_lease_s": 0.2}))
    links = Links(engine, "client", greeting(), timeout_s=DEADLINE_S)
    loop = asyncio.get_running_loop()
    end = loop.time() + 0.5

    while loop.time() < end:
        await links.to("supervisor").ask("renew_lease", CALL)

    assert not await is_gone(engine, "a")
    await links.close()


@pytest.mark.anyio
async def test_a_supervisor_that_was_held_up_does_not_take_its_owner_for_gone(engine: InlineEngine) -> None:
    await engine.create(ActorSpec(name="supervisor", factory=f"{__name__}:supervisor_of_two", arguments={"owner_lease_s": 0.2}))

    time.sleep(0.5)  # of its loop, which hears nobody meanwhile
    for _ in range(100):
        await asyncio.sleep(0)

    assert not await is_gone(engine, "a")


def test_a_runtimes_supervisor_that_was_restarted_still_replaces_what_dies() -> None:
    with started() as runtime:
        kill(runtime, names_of(runtime).supervisor)
        create(runtime, supervisor_spec(runtime.settings))
        for worker in names_of(runtime).pools["default"].steady:
            kill(runtime, worker)

        outcome = runtime.submit(plan(call("add", a=1, b=2), tell_results()), tools=["add"]).result(DEADLINE_S)

        assert outcome.result == "[3]"
        assert set(runtime.health()["replaced"]) >= {names_of(runtime).pools["default"].steady[0]}


def test_an_actor_that_died_while_there_was_no_supervisor_is_created_by_the_next() -> None:
    with started() as runtime:
        kill(runtime, names_of(runtime).supervisor)
        kill(runtime, names_of(runtime).provider("default"))

        create(runtime, supervisor_spec(runtime.settings))

        assert runtime.submit("hello").result(DEADLINE_S).result == "heard: hello"
