"""An event loop on which waiting takes no time: when nothing is left to do but wait, its clock jumps to the next timer."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("deadlock: every task waits, and no timer is set")
        self.now += 0.0 if ready or timeout is None else timeout
        return ready


class InstantLoop(asyncio.SelectorEventLoop):
    """Runs timers in order, each at the very second it asked for, and never sleeps."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """The seconds that would have passed."""
        return self._jumping.now


def run_instantly(work: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result; raises RuntimeError when it would wait for ever."""
    with asyncio.Runner(loop_factory=InstantLoop) as runner:
        return runner.run(work)
