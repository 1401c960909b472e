"""Tools in child processes: what goes in, and what comes out."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError, LLMToolError, RemoteCause
from polaris_llm.core.tool_children import ToolChildren
from support.tools_calls import CALL, run
from support.tools_processes import eventually


@pytest.fixture
async def children() -> AsyncIterator[ToolChildren]:
    pool = ToolChildren(max_children=2)
    yield pool
    await pool.close()


@pytest.mark.anyio
async def test_a_tool_runs_in_another_process_with_its_context(children: ToolChildren) -> None:
    answer = await run(children, "who_asks_plainly")

    assert answer["pid"] != os.getpid()
    assert {key: answer[key] for key in ("run", "step", "context")} == {"run": "r", "step": 3, "context": {"system": "swim"}}


@pytest.mark.anyio
async def test_classes_objects_and_async_tools_run_there_too(children: ToolChildren) -> None:
    assert (await run(children, "NoteTool", text="a"))["noted"] == "a"
    assert (await run(children, "note", text="b"))["noted"] == "b"
    assert (await run(children, "who_asks", question="why"))["key"] == CALL.idempotency_key


@pytest.mark.anyio
async def test_a_child_is_used_again(children: ToolChildren) -> None:
    assert await run(children, "process_id") == await run(children, "process_id")


@pytest.mark.anyio
async def test_calls_run_side_by_side_in_at_most_so_many_processes(children: ToolChildren, tmp_path: Path) -> None:
    together = await asyncio.gather(*(run(children, "meet", folder=str(tmp_path), parties=2) for _ in range(2)))
    pids = await asyncio.gather(*(run(children, "process_id") for _ in range(10)))

    assert together == [2, 2]
    assert len({*pids, *map(int, os.listdir(tmp_path))}) == 2


@pytest.mark.anyio
async def test_what_a_tool_prints_or_reads_does_not_touch_the_frames(children: ToolChildren, capfd: pytest.CaptureFixture[str]) -> None:
    assert await run(children, "chatter", lines=3) == ""
    assert await run(children, "add", a=1) == 3

    out, err = capfd.readouterr()
    assert out == ""
    assert (err.count("chatter"), err.count("from the descriptor"), err.count("from a grandchild")) == (3, 1, 1)


@pytest.mark.anyio
async def test_a_childs_python_path_is_only_for_the_child(children: ToolChildren) -> None:
    assert await run(children, "python_path") == os.environ.get("PYTHONPATH")


@pytest.mark.anyio
async def test_big_arguments_and_results_pass(children: ToolChildren) -> None:
    text = "ä" * 300_000

    assert await run(children, "repeat", text=text, times=3) == text * 3


@pytest.mark.anyio
async def test_a_result_over_the_cap_is_refused_in_the_child() -> None:
    pool = ToolChildren(max_children=1, max_result_characters=1_000)
    try:
        with pytest.raises(LLMToolError, match="'repeat' returned 100,000,002 characters of JSON, more than the 1,000"):
            await run(pool, "repeat", text="x" * 100, times=1_000_000)
    finally:
        await pool.close()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("fail", {"message": "no such server"}, RemoteCause("ValueError", "no such server")),
        ("quit_politely", {}, RemoteCause("SystemExit", "enough")),
        ("stop_iterating", {}, RemoteCause("StopIteration", "StopIteration")),
    ],
)
async def test_what_a_tool_raises_comes_back_as_type_and_message(
    children: ToolChildren, name: str, arguments: dict[str, Any], error: RemoteCause
) -> None:
    pid = await run(children, "process_id")

    with pytest.raises(LLMToolError) as caught:
        await run(children, name, **arguments)

    assert isinstance(caught.value.cause, RemoteCause)
    assert (caught.value.message, caught.value.cause.args) == (error.message, error.args)
    assert await run(children, "process_id") == pid


@pytest.mark.anyio
async def test_results_that_are_not_json_and_tools_that_cannot_be_loaded_are_explained(children: ToolChildren) -> None:
    with pytest.raises(LLMToolError, match=r"\$\.servers\[1\]\.name is a object"):
        await run(children, "unspeakable")
    with pytest.raises(LLMToolError, match=r"'support\.tools_sample:nothing' cannot be loaded: there is no such name"):
        await run(children, "nothing")


@pytest.mark.anyio
async def test_arguments_that_are_not_json_are_refused_before_any_child_sees_them(children: ToolChildren) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        await run(children, "add", a=object())


def test_a_pool_of_no_children_is_refused() -> None:
    with pytest.raises(LLMConfigurationError, match="max_children is 0; at least 1"):
        ToolChildren(max_children=0)


SLOW_MODULE = """
import time
from pathlib import Path
from polaris_llm.core.tool_registry import tool

Path({folder!r}, "importing").touch()
while not Path({folder!r}, "go").exists():
    time.sleep(0.01)

@tool
def greet() -> str:
    return "hello"
"""


@pytest.mark.anyio
async def test_the_start_of_a_process_is_not_the_calls_time(
    children: ToolChildren, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)  # as the place of somebody's own tools
    (tmp_path / "slow_to_import.py").write_text(SLOW_MODULE.format(folder=str(tmp_path)))

    call = asyncio.create_task(children.run("slow_to_import:greet", {}, CALL, timeout_s=1.0))
    await eventually((tmp_path / "importing").exists)
    late = time.monotonic() + 1.1
    await eventually(lambda: time.monotonic() > late)
    (tmp_path / "go").touch()

    assert await call == "hello"
