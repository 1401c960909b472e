"""Waiting for what another process does, always with a deadline."""

from collections.abc import Callable
from pathlib import Path

import anyio
import psutil

DEADLINE_S = 20.0


async def eventually(happened: Callable[[], bool], deadline_s: float = DEADLINE_S) -> None:
    """Return once it has happened; raises TimeoutError."""
    with anyio.fail_after(deadline_s):
        while not happened():
            await anyio.sleep(0.01)


async def written_pid(path: Path) -> int:
    """The process id that a tool writes to the file."""
    await eventually(path.exists)
    return int(path.read_text())


def is_running(pid: int) -> bool:
    """Whether the process lives; one that is dead but not yet reaped does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def gone(pid: int, deadline_s: float = 1.0) -> None:
    """Return once the process is dead; raises TimeoutError."""
    await eventually(lambda: not is_running(pid), deadline_s)
