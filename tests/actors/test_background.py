"""BackgroundLoop: work from outside any loop and from inside others, until it is closed."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from polaris_llm.actors.background import BackgroundLoop
from polaris_llm.core.exceptions import ActorUnavailableError, LLMIntegrationError
from support.runtime_tools import DEADLINE_S


@pytest.fixture
def background() -> Iterator[BackgroundLoop]:
    loop = BackgroundLoop("the loop")
    yield loop
    loop.close()


async def this_thread() -> str:
    return threading.current_thread().name


class Sleeper:
    """Work that never ends by itself, and tells when it was cancelled."""

    def __init__(self) -> None:
        self.begun: Future[None] = Future()
        self.cancelled: Future[None] = Future()

    async def sleep(self) -> None:
        self.begun.set_result(None)
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.cancelled.set_result(None)
            raise


def test_work_runs_in_the_loops_own_thread(background: BackgroundLoop) -> None:
    assert background.run(this_thread()) == "the loop"


@pytest.mark.anyio
async def test_work_of_other_loops_runs_there_too_without_blocking_them(background: BackgroundLoop) -> None:
    assert await asyncio.gather(*(background.arun(this_thread()) for _ in range(3))) == ["the loop"] * 3


def test_what_the_work_raises_is_raised(background: BackgroundLoop) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        background.run(fail())


@pytest.mark.anyio
async def test_cancelling_the_wait_cancels_the_work(background: BackgroundLoop) -> None:
    sleeper = Sleeper()
    waiting = asyncio.create_task(background.arun(sleeper.sleep()))
    await asyncio.wrap_future(sleeper.begun)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    sleeper.cancelled.result(DEADLINE_S)


def test_closing_cancels_what_is_left_and_ends_the_thread(background: BackgroundLoop) -> None:
    sleeper = Sleeper()
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(background.run, sleeper.sleep())
        sleeper.begun.result(DEADLINE_S)

        background.close()
        background.close()

        assert waiting.exception(DEADLINE_S) is not None
    sleeper.cancelled.result(DEADLINE_S)
    assert "the loop" not in [thread.name for thread in threading.enumerate()]


def test_a_generator_that_was_left_is_finished_by_closing(background: BackgroundLoop) -> None:
    finished = threading.Event()

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            finished.set()

    left = numbers()

    async def first() -> int:
        return await anext(left)

    assert background.run(first()) == 1
    background.close()

    assert finished.is_set()


def test_work_after_closing_is_refused(background: BackgroundLoop) -> None:
    background.close()

    with pytest.raises(ActorUnavailableError, match="the loop was closed: start it, or connect to it, once more"):
        background.run(this_thread())


def test_a_blocking_call_on_the_loop_itself_is_refused(background: BackgroundLoop) -> None:
    async def block() -> str:
        return background.run(this_thread())

    with pytest.raises(LLMIntegrationError, match="would wait for itself: await its async twin"):
        background.run(block())


def test_coroutines_of_the_loop_itself_may_wait_for_others(background: BackgroundLoop) -> None:
    async def wait() -> str:
        return await background.arun(this_thread())

    assert background.run(wait()) == "the loop"
