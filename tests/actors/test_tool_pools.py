"""What a host holds of a tool pool: who gets a call, who waits, and what happens to a call when its worker leaves or dies."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from polaris_llm.actors.links import Link
from polaris_llm.actors.tool_pools import ToolPoolHandle
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import ActorUnavailableError, DeadlineExceededError, OutcomeUnknownError
from polaris_llm.core.models import ToolResult
from support.glass_engine import Office, office
from support.runtime_tools import DEADLINE_S

CALL = CallContext(call_id="c", remaining_s=DEADLINE_S)
WORKER = f"{__name__}:Worker"


class Worker:
    """Keeps a call until it is told to end it."""

    def __init__(self, links: object) -> None:
        self._calls: dict[str, asyncio.Future[str]] = {}
        self._arrived = asyncio.Condition()
        self._refuses = False

    async def run_tool(self, call: CallContext, name: str, arguments: object, context: object) -> ToolResult:
        """What it is told to answer."""
        if self._refuses:
            raise ActorUnavailableError("about to leave")
        self._calls[name] = asyncio.get_running_loop().create_future()
        async with self._arrived:
            self._arrived.notify_all()
        return ToolResult(call_id=call.call_id, tool_name=name, success=True, result=await self._calls[name])

    async def has(self, call: CallContext, names: set[str]) -> None:
        """Return when it has been given these calls."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: names <= self._calls.keys())

    def answer(self, call: CallContext, name: str, text: str) -> None:
        """End a call."""
        self._calls[name].set_result(text)

    def refuse(self, call: CallContext) -> None:
        """Take no more calls."""
        self._refuses = True

    def given(self, call: CallContext) -> list[str]:
        """The calls so far."""
        return list(self._calls)


@pytest.fixture
async def place() -> AsyncIterator[Office]:
    async with office(factory=WORKER) as place:
        await place.hire("hired")
        yield place
        await place.engine.stop("hired")


def begin(pool: ToolPoolHandle, name: str, call: CallContext = CALL) -> asyncio.Task[ToolResult]:
    return asyncio.create_task(pool.run_tool(name, {}, call, {}))


async def has(worker: Link, *names: str) -> None:
    await worker.ask("has", CALL, set(names))


def forever() -> float:
    return asyncio.get_running_loop().time() + 1000


@pytest.mark.anyio
async def test_in_a_pool_that_does_not_grow_nothing_waits(place: Office) -> None:
    pool = ToolPoolHandle([place.clerk])

    tasks = [begin(pool, str(number)) for number in range(20)]
    await has(place.clerk, *map(str, range(20)))

    assert pool.calls == 20
    for number, task in enumerate(tasks):
        await place.clerk.ask("answer", CALL, str(number), f"answer {number}")
        assert (await task).result == f"answer {number}"
    assert pool.calls == 0


@pytest.mark.anyio
async def test_what_a_full_worker_cannot_take_waits_in_order_for_the_next_that_is_free(place: Office) -> None:
    pool = ToolPoolHandle([place.clerk], calls_per_worker=1)
    first, second, third = (begin(pool, name) for name in ("first", "second", "third"))
    await has(place.clerk, "first")

    await place.clerk.ask("answer", CALL, "first", "1")
    await has(place.clerk, "second")

    assert (await first).result == "1"
    assert await place.clerk.ask("given", CALL) == ["first", "second"]
    assert pool.calls == 2
    for name, task in (("second", second), ("third", third)):
        await has(place.clerk, name)
        await place.clerk.ask("answer", CALL, name, name)
        assert (await task).result == name


@pytest.mark.anyio
async def test_a_newly_hired_worker_takes_what_waits(place: Office) -> None:
    pool, hired = ToolPoolHandle([place.clerk], calls_per_worker=1), place.links.to("hired")
    tasks = [begin(pool, name) for name in ("first", "second")]
    await has(place.clerk, "first")

    pool.staff([hired], forever())

    await has(hired, "second")
    for task in tasks:
        task.cancel()


@pytest.mark.anyio
async def test_a_worker_is_not_used_beyond_the_time_for_which_it_was_promised(place: Office) -> None:
    pool, hired = ToolPoolHandle([place.clerk], calls_per_worker=10), place.links.to("hired")

    pool.staff([hired], asyncio.get_running_loop().time())
    tasks = [begin(pool, str(number)) for number in range(4)]

    await has(place.clerk, *"0123")
    assert await hired.ask("given", CALL) == []
    for task in tasks:
        task.cancel()


@pytest.mark.anyio
async def test_a_call_that_a_leaving_worker_refuses_goes_to_another(place: Office) -> None:
    pool, hired = ToolPoolHandle([place.clerk], calls_per_worker=1), place.links.to("hired")
    pool.staff([hired], forever())
    await hired.ask("refuse", CALL)

    tasks = [begin(pool, name) for name in ("first", "second")]
    await has(place.clerk, "first")
    await place.clerk.ask("answer", CALL, "first", "1")
    await has(place.clerk, "second")
    await place.clerk.ask("answer", CALL, "second", "2")

    assert [(await task).result for task in tasks] == ["1", "2"]


@pytest.mark.anyio
async def test_a_hired_worker_that_dies_leaves_the_outcome_unknown_and_is_not_asked_again(place: Office) -> None:
    pool, hired = ToolPoolHandle([place.clerk], calls_per_worker=2), place.links.to("hired")
    pool.staff([hired], forever())
    tasks = [begin(pool, name) for name in ("first", "second")]
    await has(hired, "second")

    await place.engine.stop("hired")
    with pytest.raises(OutcomeUnknownError):
        await tasks[1]
    again = begin(pool, "again")

    await has(place.clerk, "first", "again")
    for task in (tasks[0], again):
        task.cancel()


@pytest.mark.anyio
async def test_a_call_for_which_no_worker_is_free_in_time_fails_and_leaves_no_trace(place: Office) -> None:
    pool = ToolPoolHandle([place.clerk], calls_per_worker=1)
    first = begin(pool, "first")
    await has(place.clerk, "first")

    with pytest.raises(DeadlineExceededError, match="no tool worker was free for 'late'"):
        await pool.run_tool("late", {}, CallContext(remaining_s=0.05), {})

    assert pool.calls == 1
    await place.clerk.ask("answer", CALL, "first", "1")
    await first
    after = begin(pool, "after")
    await has(place.clerk, "after")
    assert await place.clerk.ask("given", CALL) == ["first", "after"]
    after.cancel()


@pytest.mark.anyio
async def test_a_call_of_an_empty_pool_waits_for_its_first_worker_or_is_told_why_there_is_none(place: Office) -> None:
    pool, hired = ToolPoolHandle([], calls_per_worker=1), place.links.to("hired")

    pool.staff([], forever(), "1 worker is wanted: add a node")
    with pytest.raises(DeadlineExceededError, match=r"no tool worker was free for 'late' .*: 1 worker is wanted: add a node"):
        await pool.run_tool("late", {}, CallContext(remaining_s=0.05), {})
    task = begin(pool, "first")
    pool.staff([hired], forever())

    await has(hired, "first")
    task.cancel()


@pytest.mark.anyio
async def test_a_waiting_call_that_is_cancelled_takes_nobodys_place(place: Office) -> None:
    pool = ToolPoolHandle([place.clerk], calls_per_worker=1)
    first, cancelled, third = (begin(pool, name) for name in ("first", "cancelled", "third"))
    await has(place.clerk, "first")

    cancelled.cancel()
    await place.clerk.ask("answer", CALL, "first", "1")

    await has(place.clerk, "third")
    assert await place.clerk.ask("given", CALL) == ["first", "third"]
    await first
    third.cancel()
