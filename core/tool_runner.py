"""One tool call from its arguments to its result: check them, run the tool with a deadline, check what it answers."""

import asyncio
import concurrent.futures
import contextvars
import inspect
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import JsonValue

from .exceptions import LLMIntegrationError, LLMToolError, RemoteCause, ToolTimeoutError
from .models import ToolCallStatus, ToolResult
from .tool_results import MAX_RESULT_CHARACTERS, checked_result, shortened
from .tools import BaseTool, ToolCallContext

T = TypeVar("T")

DEFAULT_TIMEOUT_S = 30.0
MAX_MESSAGE_CHARACTERS = 4_000
CLEANUP_S = 1.0
"""How long a tool that was told to stop may take to tidy up; after that it is left behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRunner:
    """Runs tool calls, whatever the tool; a failure is a result."""

    default_timeout_s: float = DEFAULT_TIMEOUT_S
    """For tools whose schema names no timeout."""
    max_result_characters: int = MAX_RESULT_CHARACTERS
    clock: Callable[[], float] = time.monotonic

    async def run(
        self, tool: BaseTool, arguments: Mapping[str, Any], call: ToolCallContext, remaining_s: float | None = None
    ) -> ToolResult:
        """What the tool answered, or why it did not, within its timeout and the seconds that remain for the call."""
        started = self.clock()
        try:
            limit_s = self._limit_s(tool, remaining_s)
            if not isinstance(arguments, Mapping):
                raise LLMToolError(f"the arguments of tool {tool.name!r} must be a JSON object, not {type(arguments).__name__}", tool.name)
            if limit_s <= 0:
                raise ToolTimeoutError(f"tool {tool.name!r} was not started: no time was left for the call", tool.name)
            work = self._answer(tool, dict(arguments), replace(call, timeout_s=limit_s))
            value = await (work if tool.keeps_its_time else _within(limit_s, work, tool.name))
        except Exception as exc:  # a tool may raise anything
            return failed_result(tool.name, call.call_id, exc, self.clock() - started)
        return ToolResult(
            call_id=call.call_id,
            tool_name=tool.name,
            success=True,
            result=value,
            execution_time=self.clock() - started,
            metadata={"status": ToolCallStatus.SUCCESS.value},
        )

    def _limit_s(self, tool: BaseTool, remaining_s: float | None) -> float:
        own_s = tool.get_schema().timeout_s
        timeout_s = self.default_timeout_s if own_s is None else own_s
        return timeout_s if remaining_s is None else min(timeout_s, remaining_s)

    async def _answer(self, tool: BaseTool, arguments: dict[str, Any], call: ToolCallContext) -> JsonValue:
        await tool.validate_parameters(arguments)
        try:
            outcome = await _started(tool, arguments, call)
            value = await outcome if inspect.isawaitable(outcome) else outcome
        except SystemExit as exc:  # which would end the event loop
            raise LLMToolError(f"tool {tool.name!r} called sys.exit({exc.code!r}); let it return", tool.name, cause=exc) from exc
        own_cap = tool.get_schema().max_result_chars
        return checked_result(value, tool.name, min(self.max_result_characters, own_cap or self.max_result_characters))


def failed_result(tool_name: str, call_id: str, error: BaseException, seconds: float = 0.0) -> ToolResult:
    """The result that tells a model why its call failed."""
    status = ToolCallStatus.TIMEOUT if isinstance(error, ToolTimeoutError) else ToolCallStatus.FAILED
    cause = error.cause if isinstance(error, LLMIntegrationError) else None
    return ToolResult(
        call_id=call_id,
        tool_name=tool_name,
        success=False,
        result={},
        error_message=shortened(str(error) or type(error).__name__, MAX_MESSAGE_CHARACTERS),
        execution_time=seconds,
        metadata={"status": status.value, "error_type": RemoteCause.of(cause or error).type_name},
    )


async def _within(limit_s: float, work: Coroutine[Any, Any, T], tool_name: str) -> T:
    """What the work returns; it runs as a task of its own, so that one which ignores its cancellation holds up nobody."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=limit_s)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CLEANUP_S)
            raise ToolTimeoutError(f"tool {tool_name!r} did not answer within {limit_s:g} s and was stopped", tool_name)
    finally:
        task.cancel()
        task.add_done_callback(_retrieved)
    if task.cancelled():
        raise LLMToolError(f"tool {tool_name!r} cancelled itself", tool_name)
    return task.result()


def _retrieved(task: "asyncio.Future[Any]") -> None:
    """Looks at the outcome of a task nobody waits for, so that asyncio does not report it."""
    if not task.cancelled():
        task.exception()


async def _started(tool: BaseTool, arguments: dict[str, Any], call: ToolCallContext) -> Any:  # JSON or an awaitable of JSON
    if tool.is_async:
        return tool.execute_with_context(arguments, call)
    return await _in_thread(lambda: tool.execute_with_context(arguments, call))


def _in_thread(work: Callable[[], T]) -> "asyncio.Future[T]":
    """What the work returns, from a daemon thread: one that hangs holds up neither the interpreter's end nor a pool's other work."""
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
    outcome.set_running_or_notify_cancel()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            outcome.set_result(context.run(work))
        except StopIteration as exc:  # which no future can carry
            outcome.set_exception(RuntimeError(f"StopIteration: {exc}"))
        except BaseException as exc:
            outcome.set_exception(exc)

    threading.Thread(target=run, name="tool", daemon=True).start()
    return asyncio.wrap_future(outcome)
