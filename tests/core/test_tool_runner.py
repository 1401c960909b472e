"""One tool call: its deadline, where it runs, and what of it reaches the model."""

import asyncio
import contextvars
import threading
from typing import Any

import anyio
import pytest

from polaris_llm.core.tool_registry import BaseTool, ToolCallContext, tool
from polaris_llm.core.tool_runner import ToolRunner
from support import tools_sample

CALL = ToolCallContext(call_id="c")


@pytest.mark.anyio
async def test_a_tool_that_cancels_itself_fails_its_call_only() -> None:
    @tool
    async def give_up() -> None:
        """Raise CancelledError."""
        raise asyncio.CancelledError

    result = await ToolRunner().run(give_up, {}, CALL)

    assert (result.success, result.error_message) == (False, "tool 'give_up' cancelled itself")


@pytest.mark.anyio
async def test_a_plain_tool_leaves_the_event_loop_free() -> None:
    with anyio.fail_after(5):
        freed = threading.Event()

        @tool
        def wait_for_the_loop() -> bool:
            """Wait until the loop has run something else."""
            return freed.wait(5)

        call = asyncio.create_task(ToolRunner().run(wait_for_the_loop, {}, CALL))
        asyncio.get_running_loop().call_soon(freed.set)
        result = await call

    assert result.result is True


@pytest.mark.anyio
async def test_a_plain_execute_method_is_accepted() -> None:
    result = await ToolRunner().run(tools_sample.note, {"text": "x"}, CALL)

    assert result.result["noted"] == "x"


@pytest.mark.anyio
async def test_a_plain_tool_that_returns_an_awaitable_is_awaited() -> None:
    class Indirect(tools_sample.NoteTool):
        def execute(self, parameters: dict[str, Any]) -> Any:
            return asyncio.sleep(0, "late")

    result = await ToolRunner().run(Indirect(), {"text": "x"}, CALL)

    assert result.result == "late"


@pytest.mark.anyio
async def test_a_plain_tool_sees_the_callers_context_variables() -> None:
    correlation_id: contextvars.ContextVar[str] = contextvars.ContextVar("correlation_id")
    correlation_id.set("abc")

    @tool
    def read() -> str:
        """Tell the correlation id."""
        return correlation_id.get()

    assert (await ToolRunner().run(read, {}, CALL)).result == "abc"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("sample", "arguments", "message", "error_type"),
    [
        (tools_sample.fail, {"message": "no such server"}, "no such server", "ValueError"),
        (tools_sample.fail, {"message": ""}, "ValueError", "ValueError"),
        (tools_sample.stop_iterating, {}, "StopIteration", "RuntimeError"),
        (tools_sample.quit_politely, {}, "sys.exit('enough')", "SystemExit"),
        (tools_sample.quit_politely_async, {}, "sys.exit('enough')", "SystemExit"),
        (tools_sample.unspeakable, {}, "$.servers[1].name is a object", "LLMToolError"),
    ],
)
async def test_whatever_a_tool_raises_is_a_failed_result(
    sample: BaseTool, arguments: dict[str, Any], message: str, error_type: str
) -> None:
    result = await ToolRunner().run(sample, arguments, CALL)

    assert (result.success, result.call_id, result.tool_name) == (False, "c", sample.name)
    assert message in str(result.error_message)
    assert result.metadata == {"status": "failed", "error_type": error_type}


@pytest.mark.anyio
async def test_a_timeout_that_the_tool_itself_raises_is_no_deadline() -> None:
    @tool
    async def dial() -> None:
        """Fail to reach somebody."""
        raise TimeoutError("no answer from the farm")

    result = await ToolRunner().run(dial, {}, CALL)

    assert (result.metadata["status"], result.error_message) == ("failed", "no answer from the farm")


@pytest.mark.anyio
async def test_results_over_the_cap_are_refused_with_both_sizes() -> None:
    result = await ToolRunner(max_result_characters=100).run(tools_sample.repeat, {"text": "x", "times": 1000}, CALL)

    assert "'repeat' returned 1,002 characters of JSON, more than the 100" in str(result.error_message)


@pytest.mark.anyio
@pytest.mark.parametrize(("own_cap", "cap"), [(20, 20), (200, 100), (None, 100)])
async def test_a_tool_may_have_a_cap_of_its_own_below_that_of_all(own_cap: int | None, cap: int) -> None:
    @tool(max_result_chars=own_cap)
    def repeat(times: int) -> str:
        """Repeat a letter."""
        return "x" * times

    runner = ToolRunner(max_result_characters=100)
    fits, too_long = [await runner.run(repeat, {"times": times}, CALL) for times in (cap - 2, cap - 1)]

    assert fits.success
    assert f"more than the {cap} that are taken" in str(too_long.error_message)


@pytest.mark.anyio
async def test_error_messages_are_cut_to_what_a_model_can_use() -> None:
    result = await ToolRunner().run(tools_sample.fail, {"message": "x" * 1_000_000}, CALL)

    assert len(str(result.error_message)) == 4_000


@pytest.mark.anyio
async def test_the_time_a_call_took_is_told() -> None:
    ticks = iter([10.0, 12.5])

    result = await ToolRunner(clock=lambda: next(ticks)).run(tools_sample.add, {"a": 1}, CALL)

    assert (result.execution_time, result.metadata) == (2.5, {"status": "success"})
