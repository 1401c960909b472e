"""A child process that runs tools one after another: calls in on stdin, answers out on stdout. `tool_child_start.py` starts it."""

import asyncio
import functools
import inspect
import os
import queue
import signal
import threading
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, BinaryIO

from .tool_frames import LENGTH, Record, from_body, length_of, to_frame
from .tool_functions import load_tool
from .tool_results import checked_result
from .tools import ToolCallContext

loaded_tool = functools.cache(load_tool)


def main(first_reference: str, python_path: str | None = None) -> None:
    """Say when it is ready, then answer calls until the parent is gone; `python_path` is the parent's own, which tools shall see."""
    _restore_environment(python_path)
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what tools print goes to stderr, and not between the answers
    waiting: queue.SimpleQueue[Record] = queue.SimpleQueue()
    threading.Thread(target=_read_calls, args=(calls, waiting), daemon=True).start()
    with suppress(Exception):  # whatever a tool's module raises, the call will tell
        loaded_tool(first_reference)
    answers.write(to_frame({"ready": True}))
    answers.flush()
    while True:
        answers.write(to_frame(answer(waiting.get())))
        answers.flush()


def answer(call: Record) -> Record:
    """The result of a call, or the type and message of what the tool raised."""
    try:
        tool = loaded_tool(call["reference"])
        outcome = tool.execute_with_context(call["arguments"], ToolCallContext(**call["context"]))
        value = asyncio.run(_awaited(outcome)) if inspect.isawaitable(outcome) else outcome
        return {"result": checked_result(value, tool.name, call["max_result_characters"])}
    except BaseException as exc:  # whatever a tool raises, SystemExit too, ends its call and not the child
        return {"error": {"type": type(exc).__name__, "message": str(exc) or type(exc).__name__}}


async def _awaited(outcome: Awaitable[Any]) -> Any:  # what the tool returns
    return await outcome


def _restore_environment(python_path: str | None) -> None:
    os.environ.pop("PYTHONPATH", None)
    if python_path is not None:
        os.environ["PYTHONPATH"] = python_path


def _read_calls(stream: BinaryIO, waiting: "queue.SimpleQueue[Record]") -> None:
    """Passes calls on until the parent closes the pipe; then this process and all that its tools started are killed."""
    while header := stream.read(LENGTH.size):
        waiting.put(from_body(stream.read(length_of(header))))
    os.killpg(0, signal.SIGKILL)
