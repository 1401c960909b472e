"""Tools that take too long, or are not wanted any more, or hang."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import anyio
import pytest

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.tool_registry import ToolCallContext, ToolRegistry, tool
from polaris_llm.core.tool_runner import ToolRunner
from support import tools_sample

CALL = ToolCallContext(call_id="c")


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """An event that is set when the test is over, for tools that hang until then."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.anyio
async def test_an_async_tool_is_stopped_at_its_timeout() -> None:
    result = await ToolRunner().run(tools_sample.wait_forever, {}, CALL)

    assert not result.success
    assert result.metadata == {"status": "timeout", "error_type": "ToolTimeoutError"}
    assert "'wait_forever' did not answer within 0.05 s" in str(result.error_message)


@pytest.mark.anyio
async def test_the_default_timeout_holds_for_tools_without_one() -> None:
    @tool
    async def forever() -> None:
        """Never answer."""
        await anyio.sleep_forever()

    result = await ToolRunner(default_timeout_s=0.01).run(forever, {}, CALL)

    assert result.metadata["status"] == "timeout"


@pytest.mark.anyio
async def test_the_calls_own_deadline_may_be_the_shorter() -> None:
    registry = ToolRegistry()

    @tool(timeout_s=60)
    async def forever() -> None:
        """Never answer."""
        await anyio.sleep_forever()

    registry.register_tool(forever)
    with anyio.fail_after(5):
        result = await registry.run_tool("forever", {}, CallContext(remaining_s=0.01), {})

    assert result.metadata["status"] == "timeout"


@pytest.mark.anyio
@pytest.mark.parametrize("remaining_s", [0.0, -1.0])
async def test_a_tool_is_not_started_when_no_time_is_left(remaining_s: float) -> None:
    started: list[bool] = []

    @tool
    def note() -> None:
        """Leave a trace."""
        started.append(True)

    result = await ToolRunner().run(note, {}, CALL, remaining_s)

    assert result.metadata["status"] == "timeout"
    assert "not started" in str(result.error_message)
    assert started == []


@pytest.mark.anyio
async def test_a_tool_that_ignores_its_cancellation_is_left_behind() -> None:
    enough = asyncio.Event()

    @tool(timeout_s=0.01)
    async def stubborn() -> None:
        """Never give up."""
        while not enough.is_set():
            try:
                await enough.wait()
            except asyncio.CancelledError:
                continue

    with anyio.fail_after(10):
        result = await ToolRunner().run(stubborn, {}, CALL)
    enough.set()

    assert result.metadata["status"] == "timeout"


@pytest.mark.anyio
async def test_what_a_tool_that_was_left_behind_raises_later_is_not_reported() -> None:
    enough, ended, reports = asyncio.Event(), asyncio.Event(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report["message"]))

    @tool(timeout_s=0.01)
    async def stubborn() -> None:
        """Fail, but later."""
        while not enough.is_set():
            try:
                await enough.wait()
            except asyncio.CancelledError:
                continue
        asyncio.get_running_loop().call_soon(ended.set)
        raise ValueError("too late")

    with anyio.fail_after(10):
        await ToolRunner().run(stubborn, {}, CALL)
        enough.set()
        await ended.wait()
        gc.collect()

    assert reports == []


@pytest.mark.anyio
async def test_a_tool_may_tidy_up_when_it_is_stopped() -> None:
    tidied: list[bool] = []

    @tool(timeout_s=0.01)
    async def careful() -> None:
        """Tidy up."""
        try:
            await anyio.sleep_forever()
        finally:
            tidied.append(True)

    await ToolRunner().run(careful, {}, CALL)

    assert tidied == [True]


@pytest.mark.anyio
async def test_cancelling_the_call_cancels_the_tool() -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    @tool
    async def forever() -> None:
        """Never answer."""
        started.set()
        try:
            await anyio.sleep_forever()
        finally:
            stopped.set()

    call = asyncio.create_task(ToolRunner().run(forever, {}, CALL))
    with anyio.fail_after(5):
        await started.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await stopped.wait()


@pytest.mark.anyio
async def test_plain_tools_that_hang_do_not_starve_later_ones(hang: threading.Event) -> None:
    @tool(timeout_s=0.02)
    def hang_on() -> None:
        """Hang."""
        hang.wait()

    runner = ToolRunner()
    results = await asyncio.gather(*(runner.run(hang_on, {}, CALL) for _ in range(40)))
    later = await runner.run(tools_sample.add, {"a": 1}, CALL)

    assert {result.metadata["status"] for result in results} == {"timeout"}
    assert later.result == 3


def test_a_plain_tool_that_hangs_holds_up_neither_the_loop_nor_the_interpreter() -> None:
    script = """
import asyncio, threading
from polaris_llm.core.tool_registry import ToolRegistry, tool

@tool(timeout_s=0.02)
def hang_on() -> None:
    threading.Event().wait()

registry = ToolRegistry()
registry.register_tool(hang_on)
assert asyncio.run(registry.execute_tool("hang_on", {})).metadata["status"] == "timeout"
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=30)
