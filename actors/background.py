"""The one event loop of a runtime: a thread of its own, so that plain functions, notebooks and coroutines can all use it."""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from ..core.exceptions import ActorUnavailableError, LLMIntegrationError

T = TypeVar("T")

logger = logging.getLogger(__name__)

CLOSE_WAIT_S = 10.0
"""Seconds that what is left gets to end."""


class BackgroundLoop:
    """An event loop in a daemon thread; `run` waits for a coroutine from outside any loop, `arun` from inside another."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._closing = threading.Lock()
        self._closed = False
        self._loop = _new_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; when the wait is interrupted, the work is cancelled. Raises LLMIntegrationError on this very loop."""
        if threading.current_thread() is self._thread:
            work.close()
            raise LLMIntegrationError(f"a blocking call on the loop of {self._name} would wait for itself: await its async twin")
        future = self._begin(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def arun(self, work: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; when the awaiting task is cancelled, the work is too."""
        return await asyncio.wrap_future(self._begin(work))

    def close(self) -> None:
        """Cancel what is left and end the thread; later work is refused."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        asyncio.run_coroutine_threadsafe(self._end_all(), self._loop).result(timeout=CLOSE_WAIT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=CLOSE_WAIT_S)
        self._loop.close()

    def _begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        with self._closing:
            if not self._closed:
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        work.close()
        raise ActorUnavailableError(f"{self._name} was closed: start it, or connect to it, once more")

    async def _end_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._loop.shutdown_asyncgens()


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed (extra `fast`), as Ray does for its actors."""
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class Chores:
    """Tasks of a loop that nobody awaits; one that fails is told in the log."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def do(self, chore: Coroutine[Any, Any, None]) -> None:
        """Begin a chore."""
        task = asyncio.create_task(_guarded(chore))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Give up all chores."""
        for task in self._tasks:
            task.cancel()


async def _guarded(chore: Coroutine[Any, Any, None]) -> None:
    try:
        await chore
    except Exception:  # the boundary that supervises what nobody awaits, a caller's callback among it
        logger.exception("a chore of the runtime failed")
