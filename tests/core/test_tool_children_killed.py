"""Child processes that end before they answer: what can be killed is killed, and nobody else is hurt."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from polaris_llm.core.exceptions import LLMToolError
from polaris_llm.core.tool_children import ToolChildren
from polaris_llm.core.tool_registry import ToolTimeoutError
from support.tools_calls import DEADLINE_S, run, sample
from support.tools_processes import eventually, gone, is_running, written_pid


@pytest.fixture
async def children() -> AsyncIterator[ToolChildren]:
    pool = ToolChildren(max_children=2)
    yield pool
    await pool.close()


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["block", "hold_the_interpreter", "block_with_a_grandchild"])
async def test_a_deadline_kills_the_child_and_all_it_started(children: ToolChildren, tmp_path: Path, name: str) -> None:
    pid_file = tmp_path / "pid"
    pid = await run(children, "process_id")  # so that the deadline does not pass while a child starts

    with pytest.raises(ToolTimeoutError, match=f"{name}' did not answer within 1 s"):
        await run(children, name, timeout_s=1.0, pid_file=str(pid_file))

    await gone(pid)
    await gone(int(pid_file.read_text()))
    assert await run(children, "add", a=1) == 3


@pytest.mark.anyio
async def test_waiting_for_a_free_child_counts_against_the_deadline(tmp_path: Path) -> None:
    pool = ToolChildren(max_children=1)
    busy = asyncio.create_task(run(pool, "block", pid_file=str(tmp_path / "pid")))
    pid = await written_pid(tmp_path / "pid")

    with pytest.raises(ToolTimeoutError):
        await run(pool, "add", timeout_s=0.05, a=1)

    assert is_running(pid)
    await pool.close()
    with pytest.raises(LLMToolError, match="SIGKILL"):
        await busy


@pytest.mark.anyio
async def test_cancelling_a_call_kills_its_child(children: ToolChildren, tmp_path: Path) -> None:
    call = asyncio.create_task(run(children, "block", pid_file=str(tmp_path / "pid")))
    pid = await written_pid(tmp_path / "pid")

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    await gone(pid)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "arguments", "ending"),
    [("leave", {"code": 3}, "exit code 3"), ("leave", {"code": 0}, "exit code 0"), ("crash", {}, "signal SIGSEGV")],
)
async def test_a_child_that_ends_fails_its_call_and_is_replaced(
    children: ToolChildren, name: str, arguments: dict[str, Any], ending: str
) -> None:
    with pytest.raises(LLMToolError) as caught:
        await run(children, name, **arguments)

    assert (name in caught.value.message, ending in caught.value.message) == (True, True), caught.value.message
    assert await run(children, "add", a=1) == 3


@pytest.mark.anyio
async def test_a_child_killed_from_outside_fails_only_its_own_call(children: ToolChildren, tmp_path: Path) -> None:
    doomed = asyncio.create_task(run(children, "block", pid_file=str(tmp_path / "doomed")))
    other = asyncio.create_task(run(children, "block", pid_file=str(tmp_path / "other")))
    other_pid = await written_pid(tmp_path / "other")

    os.kill(await written_pid(tmp_path / "doomed"), 9)

    with pytest.raises(LLMToolError, match="tools_sample:block': its process ended by signal SIGKILL"):
        await doomed
    assert is_running(other_pid)
    assert await run(children, "add", a=1) == 3
    assert not other.done()
    other.cancel()


@pytest.mark.anyio
async def test_a_child_that_ends_takes_along_what_it_started(children: ToolChildren, tmp_path: Path) -> None:
    with pytest.raises(LLMToolError, match="exit code 3"):
        await run(children, "die_with_a_grandchild", pid_file=str(tmp_path / "pid"))

    await gone(await written_pid(tmp_path / "pid"))


@pytest.mark.anyio
async def test_an_idle_child_that_was_killed_is_replaced(children: ToolChildren) -> None:
    pid = await run(children, "process_id")

    os.kill(pid, 9)
    await eventually(lambda: pid not in children.pids, 5)

    assert await run(children, "process_id") != pid


@pytest.mark.anyio
async def test_closing_kills_idle_and_busy_children_and_refuses_new_calls(tmp_path: Path) -> None:
    pool = ToolChildren(max_children=2)
    busy = asyncio.create_task(run(pool, "block", pid_file=str(tmp_path / "pid")))
    idle_pid, busy_pid = await run(pool, "process_id"), await written_pid(tmp_path / "pid")

    await pool.close()
    await pool.close()

    assert (is_running(idle_pid), is_running(busy_pid)) == (False, False)
    with pytest.raises(LLMToolError, match="SIGKILL"):
        await busy
    with pytest.raises(LLMToolError, match="closed"):
        await run(pool, "add", a=1)


@pytest.mark.anyio
async def test_closing_while_a_child_starts_leaves_no_child() -> None:
    pool = ToolChildren(max_children=1)
    call = asyncio.create_task(run(pool, "process_id"))
    await anyio.lowlevel.checkpoint()

    await pool.close()

    with anyio.fail_after(DEADLINE_S), pytest.raises(LLMToolError):
        await call


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["block", "hold_the_interpreter", "block_with_a_grandchild"])
async def test_neither_a_child_nor_what_it_started_outlives_a_killed_parent(tmp_path: Path, name: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "support.tools_pool_process", sample(name), str(tmp_path / "pid")]
    with subprocess.Popen(command, env=environment) as parent:
        try:
            child_pid = await written_pid(tmp_path / "pid")
            assert is_running(child_pid)
        finally:
            parent.kill()

    await gone(child_pid)
