"""Starts processes of their own, and sees what is left of one when it has ended."""

import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from subprocess import PIPE
from typing import Any

import anyio
import psutil
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from .cluster_runtime import RESULT_S

MARK = "POLARIS_LLM_TEST_MARK"
"""A variable that all that a process starts inherits."""
MAX_LINE_BYTES = 1_000_000


class Program:
    """One process that tells lines of JSON, in a process group of its own."""

    def __init__(self, process: Process, mark: str) -> None:
        assert process.stdout is not None
        self.process = process
        self._answers = BufferedByteReceiveStream(process.stdout)
        self._mark = mark

    async def answer(self) -> dict[str, Any]:  # JSON
        """The next line that it tells; what Ray prints between them, such as that its autoscaler was ended, is passed over."""
        with anyio.fail_after(RESULT_S):
            while not (line := await self._answers.receive_until(b"\n", MAX_LINE_BYTES)).startswith(b"{"):
                pass
        facts: dict[str, Any] = json.loads(line)
        return facts

    async def ended(self) -> int:
        """The exit code, as soon as the process has ended."""
        with anyio.fail_after(RESULT_S):
            return await self.process.wait()

    def interrupt(self) -> None:
        """What a terminal does at Ctrl-C: the process and all of its group are told."""
        os.killpg(self.process.pid, signal.SIGINT)

    def terminate(self, *, with_descendants: bool = False) -> None:
        """What ends the process in order; a service manager may tell all that the process started as well."""
        for process in (psutil.Process(self.process.pid), *(self.descendants() if with_descendants else ())):
            with suppress(psutil.NoSuchProcess):
                process.terminate()

    def kill(self) -> None:
        """End the process, and only that, as the kernel does."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)

    def descendants(self) -> list[psutil.Process]:
        """All living processes that this one started, directly or not, those included whose parents are gone."""
        return [process for process in psutil.process_iter() if process.pid != self.process.pid and self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self._mark and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def without_ray(**changes: str) -> dict[str, str]:
    """This process's environment as it is without a runtime, and with changes."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | changes


def running(task: str, environment: dict[str, str] | None = None, **options: Any) -> AbstractAsyncContextManager[Program]:  # JSON
    """A process that runs a task of `cluster_program`."""
    return started("-m", "support.cluster_program", task, json.dumps(options), environment=environment)


@asynccontextmanager
async def started(*arguments: str, environment: dict[str, str] | None = None) -> AsyncIterator[Program]:
    """A Python process; it and all that it started are killed at last."""
    mark = uuid.uuid4().hex
    variables = {**(os.environ if environment is None else environment), MARK: mark}
    command = [sys.executable, *arguments]
    async with await anyio.open_process(command, stdin=None, stdout=PIPE, stderr=None, env=variables, start_new_session=True) as process:
        program = Program(process, mark)
        try:
            yield program
        finally:
            program.kill()
            for process_left in program.descendants():
                with suppress(psutil.NoSuchProcess):
                    process_left.kill()
