"""Identical work in flight is done once, and is handed over when its leader fails or goes away."""

import asyncio
from collections.abc import AsyncIterator

import anyio
import pytest

from polaris_llm.core.exceptions import LLMConnectionError
from polaris_llm.core.single_flight import Joined, SingleFlight

pytestmark = pytest.mark.anyio


class Work:
    """Work that starts when asked, and ends as it is told."""

    def __init__(self) -> None:
        self.flights: SingleFlight[str] = SingleFlight()
        self.started: list[asyncio.Future[str]] = []

    def join(self, key: str = "key") -> "asyncio.Task[Joined[str]]":
        """Join the work in a task of its own."""
        return asyncio.create_task(self.flights.join(key, self._do))

    async def _do(self) -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.started.append(future)
        return await future


@pytest.fixture
async def work() -> AsyncIterator[Work]:
    with anyio.fail_after(10):
        yield Work()


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_thousand_identical_calls_are_one(work: Work) -> None:
    tasks = [work.join() for _ in range(1000)]
    await settle()
    assert len(work.started) == 1

    work.started[0].set_result("done")
    joined = await asyncio.gather(*tasks)

    assert {each.value for each in joined} == {"done"}
    assert [each.shared for each in joined].count(False) == 1
    assert len(work.flights) == 0


async def test_different_keys_do_not_join(work: Work) -> None:
    tasks = [work.join("a"), work.join("b")]
    await settle()

    for number, started in enumerate(work.started):
        started.set_result(str(number))

    assert [(await task).value for task in tasks] == ["0", "1"]


async def test_work_that_is_over_is_done_anew(work: Work) -> None:
    for answer in ("first", "second"):
        task = work.join()
        await settle()
        work.started[-1].set_result(answer)
        assert (await task).value == answer


async def test_a_failed_leader_hands_over_to_one_follower(work: Work) -> None:
    leader, *followers = [work.join() for _ in range(5)]
    await settle()

    work.started[0].set_exception(LLMConnectionError("first"))
    await settle()
    assert len(work.started) == 2
    work.started[1].set_result("done")

    with pytest.raises(LLMConnectionError, match="first"):
        await leader
    joined = await asyncio.gather(*followers)
    assert [each.value for each in joined] == ["done"] * 4
    assert [each.shared for each in joined] == [False, True, True, True]


async def test_a_second_failure_is_for_all(work: Work) -> None:
    tasks = [work.join() for _ in range(5)]
    await settle()

    work.started[0].set_exception(LLMConnectionError("first"))
    await settle()
    work.started[1].set_exception(LLMConnectionError("second"))
    errors = await asyncio.gather(*tasks, return_exceptions=True)

    assert [str(error) for error in errors] == ["first", "second", "second", "second", "second"]
    assert len(work.started) == 2
    assert len(work.flights) == 0


async def test_a_cancelled_leader_hands_over_and_nobody_else_is_cancelled(work: Work) -> None:
    tasks = [work.join() for _ in range(4)]
    await settle()

    for number in (0, 1):
        tasks[number].cancel()
        await settle()
    work.started[2].set_result("done")

    assert [await tasks[2], await tasks[3]] == [Joined(value="done", shared=False), Joined(value="done", shared=True)]
    assert tasks[0].cancelled()
    assert tasks[1].cancelled()


async def test_a_cancelled_follower_is_passed_over(work: Work) -> None:
    leader, cancelled, heir = [work.join() for _ in range(3)]
    await settle()

    cancelled.cancel()
    await settle()
    leader.cancel()
    await settle()
    work.started[1].set_result("done")

    assert (await heir).value == "done"


async def test_an_heir_that_is_cancelled_before_it_hears_of_it_hands_on(work: Work) -> None:
    leader, heir, next_heir = [work.join() for _ in range(3)]
    await settle()

    work.started[0].set_exception(LLMConnectionError("first"))
    while not leader.done():
        await asyncio.sleep(0)
    heir.cancel()
    await settle()
    work.started[1].set_result("done")

    with pytest.raises(LLMConnectionError):
        await leader
    assert heir.cancelled()
    assert (await next_heir).value == "done"


async def test_the_last_to_be_cancelled_leaves_nothing_behind(work: Work) -> None:
    tasks = [work.join() for _ in range(3)]
    await settle()

    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert len(work.flights) == 0


async def test_a_late_follower_joins_an_heirs_work(work: Work) -> None:
    first, second = work.join(), work.join()
    await settle()
    work.started[0].set_exception(LLMConnectionError("first"))
    await settle()

    late = work.join()
    await settle()
    work.started[1].set_result("done")

    assert [await second, await late] == [Joined(value="done", shared=False), Joined(value="done", shared=True)]
    with pytest.raises(LLMConnectionError):
        await first
