"""Tools behind a cache: whose results are kept, for how long, and what makes two calls equal."""

from typing import Any

import pytest

from polaris_llm.core.bounded_store import BoundedStore
from polaris_llm.core.cache_port import MemoryCache
from polaris_llm.core.cached_tools import CachedTools
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.tool_registry import ToolCallContext, ToolRegistry, tool
from polaris_llm.core.tool_schema import Effect
from support.caches import BrokenCache, RecordingCache

pytestmark = pytest.mark.anyio
CALL, LATER_CALL = CallContext(call_id="a"), CallContext(call_id="b")


class Counter:
    """Tools that count how often they ran."""

    def __init__(self) -> None:
        self.runs = 0
        self.registry = ToolRegistry()
        kept: tuple[tuple[str, Effect], ...] = (("kept", "pure"), ("idempotent", "idempotent"), ("once", "once"))
        for name, effect in kept:
            self.registry.register_tool(tool(name=name, effect=effect, cache_ttl_s=60)(self._count))
        for name, ttl_s in (("unsaid", None), ("never", 0.0)):
            self.registry.register_tool(tool(name=name, effect="pure", cache_ttl_s=ttl_s)(self._count))
        self.registry.register_tool(tool(name="reader", effect="pure", cache_ttl_s=60)(self._read))
        self.registry.register_tool(tool(name="failing", effect="pure", cache_ttl_s=60)(self._fail))

    async def _count(self, word: str = "") -> dict[str, Any]:
        self.runs += 1
        return {"word": word, "run": self.runs}

    async def _read(self, call: ToolCallContext) -> dict[str, Any]:
        self.runs += 1
        return dict(call.context)

    async def _fail(self) -> None:
        self.runs += 1
        raise ValueError("broken")


async def twice(tools: CachedTools, name: str, **arguments: str) -> list[Any]:
    """The results of two equal calls."""
    results = [await tools.run_tool(name, arguments, call, {}) for call in (CALL, LATER_CALL)]
    assert [result.call_id for result in results] == ["a", "b"]
    return [result.result for result in results]


@pytest.mark.parametrize(("name", "runs"), [("kept", 1), ("idempotent", 1), ("once", 2), ("unsaid", 2), ("never", 2), ("failing", 2)])
async def test_a_result_is_kept_if_its_tool_says_so_and_may_be_spared_a_call(name: str, runs: int) -> None:
    counter = Counter()
    tools = CachedTools(counter.registry, MemoryCache())

    await twice(tools, name)

    assert counter.runs == runs


async def test_a_kept_result_says_so_and_belongs_to_nobody() -> None:
    tools = CachedTools(Counter().registry, MemoryCache())
    first = await tools.run_tool("kept", {}, CALL, {})
    first.result["word"] = "changed"

    second = await tools.run_tool("kept", {}, LATER_CALL, {})

    assert (second.result, second.success, second.metadata["cached"]) == ({"word": "", "run": 1}, True, True)


async def test_other_arguments_are_another_call() -> None:
    tools = CachedTools(Counter().registry, MemoryCache())

    results = [await tools.run_tool("kept", {"word": word}, CALL, {}) for word in ("a", "b", "a")]

    assert [result.result["run"] for result in results] == [1, 2, 1]


async def test_the_runs_context_counts_for_a_tool_that_can_read_it_and_for_no_other() -> None:
    counter = Counter()
    tools = CachedTools(counter.registry, MemoryCache())

    read = [await tools.run_tool("reader", {}, CALL, {"farm": farm}) for farm in (1, 2, 1)]
    counted = [await tools.run_tool("kept", {}, CALL, {"farm": farm}) for farm in (1, 2)]

    assert [result.result for result in read] == [{"farm": 1}, {"farm": 2}, {"farm": 1}]
    assert [result.result["run"] for result in counted] == [3, 3]


async def test_a_result_is_kept_for_its_time() -> None:
    times = [0.0]
    counter, cache = Counter(), RecordingCache()
    cache.store = BoundedStore(clock=lambda: times[0])
    tools = CachedTools(counter.registry, cache)

    for now in (0.0, 59.0, 61.0):
        times[0] = now
        await tools.run_tool("kept", {}, CALL, {})

    assert (counter.runs, cache.ttls) == (2, [60, 60])


async def test_a_broken_cache_is_told_in_the_log_and_done_without(caplog: pytest.LogCaptureFixture) -> None:
    counter = Counter()

    await twice(CachedTools(counter.registry, BrokenCache()), "kept")

    assert counter.runs == 2
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == ["cache read failed", "cache write failed"] * 2


async def test_an_unknown_tool_is_the_registrys_failure() -> None:
    result = await CachedTools(ToolRegistry(), MemoryCache()).run_tool("gone", {}, CALL, {})

    assert (result.success, result.error_message) == (False, "Tool not found: gone")
