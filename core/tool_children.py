"""Child processes for tools that block: what runs in one can be killed at its deadline, with all that it started."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import fields
from typing import Any

from pydantic import JsonValue

from .exceptions import LLMConfigurationError, LLMToolError, RemoteCause, ToolTimeoutError
from .tool_frames import LENGTH, Record, from_body, length_of, to_frame
from .tool_results import MAX_RESULT_CHARACTERS
from .tool_schema import ToolSchema
from .tools import BaseTool, ToolCallContext

CHILD_MODULE = f"{__package__}.tool_child_start"
START_S = 60.0
"""Seconds in which a process must be ready: Python starts, and imports the tool's module."""
EXIT_WAIT_S = 2.0
"""How long a killed process may take to be gone before nobody waits for it any more."""


class ToolChildren:
    """Up to `max_children` processes that are started when needed, and used again; for one event loop."""

    def __init__(self, *, max_children: int, max_result_characters: int = MAX_RESULT_CHARACTERS) -> None:
        if max_children < 1:
            raise LLMConfigurationError(f"max_children is {max_children}; at least 1 is needed", "max_children", max_children)
        self._max_result_characters = max_result_characters
        self._free = asyncio.Semaphore(max_children)
        self._idle: list[ToolChild] = []
        self._watches: dict[ToolChild, asyncio.Task[None]] = {}
        self._closed = False

    async def run(self, reference: str, arguments: dict[str, Any], call: ToolCallContext, timeout_s: float | None = None) -> JsonValue:
        """What the tool at `reference` answers; raises LLMToolError, and ToolTimeoutError when its time is over.

        A deadline and a cancellation kill the tool's process. The start of a process is not the call's time: it has START_S of its
        own. None leaves the deadline to whoever awaits this.
        """
        context = {field.name: getattr(call, field.name) for field in fields(call)}  # asdict would copy all that tools may read
        record = {"reference": reference, "arguments": arguments, "context": context}
        frame = to_frame({**record, "max_result_characters": self._max_result_characters})
        try:
            async with asyncio.timeout(timeout_s) as limit, self._free:
                answer = await self._exchange(reference, frame, limit)
        except TimeoutError as exc:
            raise ToolTimeoutError(f"tool {reference!r} did not answer within {timeout_s:g} s and was stopped", reference) from exc
        if error := answer.get("error"):
            raise LLMToolError(error["message"], reference, cause=RemoteCause(error["type"], error["message"]))
        result: JsonValue = answer["result"]
        return result

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that are there, busy or idle."""
        return tuple(child.process.pid for child in self._watches)

    async def close(self) -> None:
        """Kill all children; calls under way fail."""
        self._closed = True
        for child in self._watches:
            child.kill()
        if self._watches:
            await asyncio.wait(self._watches.values(), timeout=EXIT_WAIT_S)

    async def _exchange(self, reference: str, frame: bytes, limit: asyncio.Timeout) -> Record:
        if self._closed:
            raise LLMToolError(f"tool {reference!r} was not started: its child processes were closed", reference)
        child = self._idle.pop() if self._idle else await self._start(reference, limit)
        try:
            answer = await child.exchange(frame)
        except (asyncio.IncompleteReadError, ConnectionError) as exc:
            ending = await child.ending()
            raise LLMToolError(f"tool {reference!r}: its process ended by {ending} before it answered", reference) from exc
        if child in self._watches:
            self._idle.append(child)
        return answer

    async def _start(self, reference: str, limit: asyncio.Timeout) -> "ToolChild":
        async with _standing_still(limit):
            child = await ToolChild.start(reference)
            self._watches[child] = asyncio.create_task(self._watch(child))
            if self._closed:  # meanwhile
                child.kill()
            try:
                async with asyncio.timeout(START_S):
                    await child.ready()
            except TimeoutError as exc:
                raise LLMToolError(f"tool {reference!r}: its process did not start within {START_S:g} s", reference) from exc
            except (asyncio.IncompleteReadError, ConnectionError) as exc:
                raise LLMToolError(f"tool {reference!r}: its process ended by {await child.ending()} at its start", reference) from exc
        return child

    async def _watch(self, child: "ToolChild") -> None:
        await child.process.wait()
        del self._watches[child]
        if child in self._idle:
            self._idle.remove(child)


@asynccontextmanager
async def _standing_still(limit: asyncio.Timeout) -> AsyncIterator[None]:
    """The limit comes later by as long as this takes."""
    loop, when = asyncio.get_running_loop(), limit.when()
    began = loop.time()
    limit.reschedule(None)
    yield
    limit.reschedule(None if when is None else when + loop.time() - began)


class ToolChild:
    """One child process, which answers one call at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, reference: str) -> "ToolChild":
        """A new process that imports what this one can import, and first of all the tool at `reference`."""
        own_path = os.environ.get("PYTHONPATH")
        command = [sys.executable, "-P", "-u", "-m", CHILD_MODULE, str(os.getpid()), reference, *([] if own_path is None else [own_path])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, start_new_session=True, env=environment))

    async def ready(self) -> None:
        """Return when the process can take calls; raises as `exchange` does."""
        async with self._or_killed():
            await self._frame()

    async def exchange(self, frame: bytes) -> Record:
        """The answer to a call; raises IncompleteReadError or ConnectionError when the process ends first. Killed if it gives none."""
        calls = self.process.stdin
        assert calls is not None
        async with self._or_killed():
            calls.write(frame)
            await calls.drain()
            return await self._frame()

    async def _frame(self) -> Record:
        answers = self.process.stdout
        assert answers is not None
        header = await answers.readexactly(LENGTH.size)
        return from_body(await answers.readexactly(length_of(header)))

    @asynccontextmanager
    async def _or_killed(self) -> AsyncIterator[None]:
        try:
            yield
        except BaseException:  # a cancellation too: the tool may still be at work
            self.kill()
            raise

    def kill(self) -> None:
        """Kill the process and all that its tools started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    async def ending(self) -> str:
        """What the process ended by: a signal or an exit code."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), EXIT_WAIT_S)
        code = self.process.returncode
        return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"


class ChildTool(BaseTool):
    """A tool that runs in a child process each time it is called."""

    keeps_its_time = True

    def __init__(self, tool: BaseTool, reference: str, children: ToolChildren) -> None:
        super().__init__(tool.name, tool.description)
        self._tool = tool
        self._reference = reference
        self._children = children

    def get_schema(self) -> ToolSchema:
        """The tool's own schema."""
        return self._tool.get_schema()

    @property
    def reads_call(self) -> bool:
        """As the tool itself."""
        return self._tool.reads_call

    async def validate_parameters(self, parameters: dict[str, Any]) -> bool:
        """As the tool itself sees it."""
        return await self._tool.validate_parameters(parameters)

    async def execute(self, parameters: dict[str, Any]) -> JsonValue:
        """What the tool answers outside any session."""
        return await self.execute_with_context(parameters, ToolCallContext())

    async def execute_with_context(self, parameters: dict[str, Any], call: ToolCallContext) -> JsonValue:
        """What the tool answers within the call's time."""
        return await self._children.run(self._reference, parameters, call, call.timeout_s)
