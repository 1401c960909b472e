"""Gates that hold up tools and models in other processes: a folder where they sign in, until a test opens it."""

import os
import time
from pathlib import Path

import anyio

from .tools_processes import eventually

POLL_S = 0.01
ARRIVAL_S = 60.0
"""Seconds in which somebody must come to a gate, the start of a process included."""
SHUT_S = 110.0
"""Seconds that anybody waits at a gate: longer than any test."""


class Gate:
    """One gate; who comes to it signs with the id of its process, and waits."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    def __str__(self) -> str:
        return str(self._folder)

    @property
    def arrivals(self) -> list[int]:
        """The processes that came, in order, one entry for each time."""
        signatures = self._folder / "arrivals"
        return [int(line) for line in signatures.read_text().splitlines()] if signatures.exists() else []

    @property
    def is_open(self) -> bool:
        """Whether nobody waits here any more."""
        return (self._folder / "open").exists()

    def open(self) -> None:
        """Let everybody pass, from now on."""
        (self._folder / "open").touch()

    def sign(self) -> None:
        """Tell that this process came."""
        with (self._folder / "arrivals").open("a") as signatures:
            signatures.write(f"{os.getpid()}\n")  # one short write: no reader sees half a line

    async def passed(self) -> None:
        """Sign, and return when the gate is open."""
        self.sign()
        with anyio.fail_after(SHUT_S):
            while not self.is_open:
                await anyio.sleep(POLL_S)

    def block(self) -> None:
        """As `passed`, for code without an event loop."""
        self.sign()
        deadline = time.monotonic() + SHUT_S
        while not self.is_open:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nobody opened {self._folder} within {SHUT_S} s")
            time.sleep(POLL_S)

    async def arrived(self, times: int = 1) -> int:
        """The process that came as the `times`-th, as soon as it is there; raises TimeoutError."""
        await eventually(lambda: len(self.arrivals) >= times, ARRIVAL_S)
        return self.arrivals[times - 1]
