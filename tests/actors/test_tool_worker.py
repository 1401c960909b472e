"""ToolWorkerActor as a plain object."""

import asyncio
import os
import pickle
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from polaris_llm.actors.tools import ToolWorkerActor
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import ActorUnavailableError, LLMConfigurationError
from support.tools_processes import gone, written_pid

NAMES = ("add", "who_asks", "who_asks_plainly", "block", "block_briefly", "wait_forever", "unspeakable", "fail", "NoteTool", "repeat")
CALL = CallContext(session_id="s", run_id="r", step=1, call_id="c")


@pytest.fixture
async def worker() -> AsyncIterator[ToolWorkerActor]:
    actor = ToolWorkerActor(tuple(f"support.tools_sample:{name}" for name in NAMES), max_result_characters=10_000)
    yield actor
    await actor.stop()


@pytest.mark.anyio
async def test_tools_are_told_by_name_in_the_order_of_the_references(worker: ToolWorkerActor) -> None:
    listed = worker.listed(CALL)

    assert list(listed) == ["note" if name == "NoteTool" else name for name in NAMES]
    assert [tool.schema.name for tool in listed.values()] == list(listed)
    assert [tool.reference for tool in listed.values()] == [f"support.tools_sample:{name}" for name in NAMES]
    assert pickle.loads(pickle.dumps(listed)) == listed


@pytest.mark.anyio
async def test_a_tool_can_be_called_by_its_reference(worker: ToolWorkerActor) -> None:
    results = [await worker.run_tool(CALL, "support.tools_sample:process_id", {}, {}) for _ in range(2)]

    assert [result.success for result in results] == [True, True]
    assert os.getpid() not in {result.result for result in results}
    assert "process_id" not in worker.listed(CALL)


@pytest.mark.anyio
async def test_an_async_tool_runs_in_the_worker_itself(worker: ToolWorkerActor) -> None:
    result = await worker.run_tool(CALL, "who_asks", {"question": "why"}, {"system": "swim"})

    assert (result.success, result.call_id) == (True, "c")
    assert result.result == {"question": "why", "run": "r", "key": CALL.idempotency_key, "context": {"system": "swim"}}
    assert pickle.loads(pickle.dumps(result)) == result


@pytest.mark.anyio
@pytest.mark.parametrize(("name", "arguments"), [("who_asks_plainly", {}), ("note", {"text": "x"})])
async def test_other_tools_run_in_a_child_process(worker: ToolWorkerActor, name: str, arguments: dict[str, Any]) -> None:
    result = await worker.run_tool(CALL, name, arguments, {})

    assert result.success
    assert result.result["pid"] != os.getpid()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "arguments", "reason", "error_type"),
    [
        ("nothing", {}, "Tool not found: nothing", "LLMToolError"),
        ("add", {"a": "1"}, "$.a: '1' is not of type 'integer'", "LLMToolError"),
        ("fail", {"message": "no such server"}, "no such server", "ValueError"),
        ("unspeakable", {}, "$.servers[1].name is a object", "LLMToolError"),
        ("repeat", {"text": "x", "times": 100_000}, "more than the 10,000", "LLMToolError"),
    ],
)
async def test_a_failure_is_a_result(worker: ToolWorkerActor, name: str, arguments: dict[str, Any], reason: str, error_type: str) -> None:
    result = await worker.run_tool(CALL, name, arguments, {})

    assert (result.success, result.metadata) == (False, {"status": "failed", "error_type": error_type})
    assert reason in str(result.error_message)


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["wait_forever", "block_briefly"])
async def test_a_tools_own_timeout_holds(worker: ToolWorkerActor, name: str) -> None:
    result = await worker.run_tool(CALL, name, {}, {})

    assert result.metadata["status"] == "timeout"


@pytest.mark.anyio
async def test_the_calls_deadline_kills_the_child(worker: ToolWorkerActor, tmp_path: Path) -> None:
    await worker.run_tool(CALL, "add", {"a": 1}, {})  # so that the deadline does not pass while a child starts
    call = CallContext(call_id="c", remaining_s=1.0)

    result = await worker.run_tool(call, "block", {"pid_file": str(tmp_path / "pid")}, {})

    assert result.metadata["status"] == "timeout"
    await gone(int((tmp_path / "pid").read_text()))


@pytest.mark.anyio
async def test_cancelling_a_call_kills_the_child(worker: ToolWorkerActor, tmp_path: Path) -> None:
    call = asyncio.create_task(worker.run_tool(CALL, "block", {"pid_file": str(tmp_path / "pid")}, {}))
    pid = await written_pid(tmp_path / "pid")

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    await gone(pid)


@pytest.mark.anyio
async def test_stopping_kills_what_runs(worker: ToolWorkerActor, tmp_path: Path) -> None:
    call = asyncio.create_task(worker.run_tool(CALL, "block", {"pid_file": str(tmp_path / "pid")}, {}))
    pid = await written_pid(tmp_path / "pid")

    await worker.stop()

    await gone(pid)
    assert not (await call).success


def test_a_wrong_reference_fails_at_the_start() -> None:
    with pytest.raises(LLMConfigurationError, match=r"'support\.tools_sample:nothing' cannot be loaded"):
        ToolWorkerActor(("support.tools_sample:nothing",))


@pytest.mark.anyio
async def test_a_worker_that_is_to_go_refuses_calls_says_what_it_has_in_hand_and_may_be_taken_back(
    worker: ToolWorkerActor,
) -> None:
    under_way = asyncio.create_task(worker.run_tool(CALL, "block_briefly", {}, {}))
    await asyncio.sleep(0)

    assert worker.refuse_calls(CALL) == 1
    with pytest.raises(ActorUnavailableError, match="about to leave its pool"):
        await worker.run_tool(CALL, "who_asks", {"question": "why"}, {})
    await under_way
    assert worker.refuse_calls(CALL) == 0
    worker.take_calls(CALL)
    assert (await worker.run_tool(CALL, "who_asks", {"question": "why"}, {})).success
