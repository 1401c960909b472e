"""What a registry remembers of its calls."""

import pytest

from polaris_llm.core.models import ToolResult
from polaris_llm.core.tool_history import MAX_CALLS, MAX_SUMMARY_CHARACTERS, ToolHistory
from polaris_llm.core.tool_registry import create_default_registry


def result(name: str = "echo", *, success: bool = True, seconds: float = 0.0, text: str = "") -> ToolResult:
    return ToolResult("c", name, success, {"text": text}, execution_time=seconds)


def test_the_newest_call_stands_last_and_old_ones_are_dropped() -> None:
    history = ToolHistory()

    for number in range(MAX_CALLS + 5):
        history.add(result(text=str(number)))

    calls = history.calls()
    assert len(calls) == MAX_CALLS
    assert [call.result["text"] for call in (calls[0], calls[-1])] == ["5", str(MAX_CALLS + 4)]
    assert history.statistics([])["echo"]["total_calls"] == MAX_CALLS + 5


def test_calls_can_be_narrowed_to_a_tool_and_to_the_last() -> None:
    history = ToolHistory()
    for name in ("a", "b", "a", "b"):
        history.add(result(name))

    assert [call.tool_name for call in history.calls("a")] == ["a", "a"]
    assert [call.tool_name for call in history.calls(limit=3)] == ["b", "a", "b"]
    assert history.calls(limit=0) == []
    assert len(history.calls(limit=9)) == 4


def test_long_results_are_kept_in_short() -> None:
    history = ToolHistory()

    history.add(result(text="short"))
    history.add(result(text="x" * 10_000))

    short, long = history.calls()
    assert short.result == {"text": "short"}
    assert long.result.startswith('{"text": "xxx')
    assert len(long.result) == MAX_SUMMARY_CHARACTERS


def test_sums_are_kept_per_tool() -> None:
    history = ToolHistory()
    history.add(result("a", seconds=1.0))
    last = result("a", success=False, seconds=2.0)
    history.add(last)

    statistics = history.statistics(["a", "idle"])

    assert statistics["a"] == {
        "total_calls": 2,
        "successful_calls": 1,
        "failed_calls": 1,
        "success_rate": 0.5,
        "average_execution_time": 1.5,
        "last_used": last.completed_at,
    }
    assert (statistics["idle"]["total_calls"], statistics["idle"]["success_rate"], statistics["idle"]["last_used"]) == (0, 0.0, None)


def test_names_without_end_do_not_grow_the_sums_without_end() -> None:
    history = ToolHistory()

    for number in range(MAX_CALLS + 5):
        history.add(result(f"made_up_{number}"))

    assert len(history.statistics([])) == MAX_CALLS


@pytest.mark.anyio
async def test_calls_of_unknown_tools_are_remembered_too() -> None:
    registry = create_default_registry()

    await registry.execute_tool("echo", {"message": "x"})
    await registry.execute_tool("nothing", {})

    assert [call.tool_name for call in registry.get_execution_history()] == ["echo", "nothing"]
    assert {name: each["failed_calls"] for name, each in registry.get_tool_statistics().items()} == {
        "echo": 0,
        "calculator": 0,
        "nothing": 1,
    }


@pytest.mark.anyio
async def test_history_can_be_cleared() -> None:
    registry = create_default_registry()
    await registry.execute_tool("echo", {"message": "x"})

    registry.clear_history()

    assert registry.get_execution_history() == []
    assert registry.get_tool_statistics()["echo"]["total_calls"] == 0
