"""Pool tools of the runtime's tests, `support.runtime_tools:NAME`, and the gates by which tests hold them up.

On the inline engine async tools run in this process: a gate that a test opens is the gate at which a tool waits.
"""

import asyncio
import os
import threading
from collections import defaultdict
from concurrent.futures import Future

from polaris_llm.core.tool_registry import ToolCallContext, tool

DEADLINE_S = 10.0
"""Seconds that any wait of these tests may take."""


class Gate:
    """Held shut until a test opens it; counts who came. Works between threads and event loops."""

    def __init__(self) -> None:
        self.entered = 0
        self._opened: Future[None] = Future()
        self._arrivals = threading.Semaphore(0)
        self._departures = threading.Semaphore(0)

    def open(self) -> None:
        """Let everybody pass, from now on."""
        self._opened.set_result(None)

    async def passed(self) -> None:
        """Return when the gate is open."""
        self.entered += 1
        self._arrivals.release()
        try:
            await asyncio.shield(asyncio.wrap_future(self._opened))
        except asyncio.CancelledError:
            self._departures.release()
            raise

    def await_arrival(self) -> None:
        """Return when somebody more has come to the gate."""
        assert self._arrivals.acquire(timeout=DEADLINE_S), f"nobody came to the gate within {DEADLINE_S} s"

    def await_departure(self) -> None:
        """Return when somebody more was cancelled while waiting."""
        assert self._departures.acquire(timeout=DEADLINE_S), f"nobody left the gate within {DEADLINE_S} s"


GATES: defaultdict[str, Gate] = defaultdict(Gate)
NOTES: list[str] = []


@tool(effect="pure")
async def add(a: int, b: int) -> int:
    """Add two integers."""
    return a + b


@tool(effect="pure")
async def wait_at(gate: str) -> str:
    """Wait until the gate is open."""
    await GATES[gate].passed()
    return f"passed {gate}"


@tool(effect="once")
async def wait_at_once_only(gate: str) -> str:
    """Wait until the gate is open, and never again."""
    await GATES[gate].passed()
    return f"passed {gate}"


@tool(effect="idempotent")
async def note(text: str) -> int:
    """Write a note; say how many there are of this text."""
    NOTES.append(text)
    return NOTES.count(text)


@tool(effect="once", requires_approval=True)
async def reboot(server: str) -> str:
    """Reboot a server, if somebody consents."""
    NOTES.append(f"rebooted {server}")
    return f"{server} is back"


@tool(effect="pure")
async def read_context(call: ToolCallContext) -> dict[str, object]:
    """Tell the run's context."""
    return dict(call.context)


@tool(effect="pure")
def own_process() -> int:
    """Tell the process that this plain function runs in."""
    return os.getpid()


@tool(effect="pure")
async def broken() -> None:
    """Raise."""
    raise ValueError("the sensor is unplugged")


def where() -> str:
    """Tell the thread."""
    return threading.current_thread().name


@tool(effect="pure")
async def where_am_i() -> str:
    """Tell the place."""
    return "here"
