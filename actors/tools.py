"""Tools on a cluster: the worker actor, one of a pool, and where each tool of a run is asked for."""

from collections.abc import Callable, Mapping

from pydantic import JsonValue

from ..core.cache_port import CachePort
from ..core.cached_tools import CachedTools
from ..core.call_context import CallContext
from ..core.exceptions import ActorUnavailableError
from ..core.models import ToolResult
from ..core.ports import ToolPort
from ..core.runs import RunSpec
from ..core.tool_children import ChildTool, ToolChildren
from ..core.tool_functions import load_tool
from ..core.tool_registry import ToolRegistry
from ..core.tool_results import MAX_RESULT_CHARACTERS
from ..core.tool_runner import DEFAULT_TIMEOUT_S
from ..core.tool_schema import ListedTool
from ..core.tools import BaseTool


class ToolWorkerActor:
    """Runs async tools on its event loop and all others in child processes, each with a deadline."""

    def __init__(
        self,
        tools: tuple[str, ...],
        *,
        default_timeout_s: float = DEFAULT_TIMEOUT_S,
        max_children: int = 2,
        max_result_characters: int = MAX_RESULT_CHARACTERS,
        load: Callable[[str], BaseTool] = load_tool,
        cache: CachePort | None = None,
    ) -> None:
        """Take the tools by their references, `module:name`."""
        self._children = ToolChildren(max_children=max_children, max_result_characters=max_result_characters)
        self._registry = ToolRegistry(default_timeout_s=default_timeout_s, max_result_characters=max_result_characters)
        self._references: dict[str, str] = {}
        self._calls_in_hand = 0
        self._takes_calls = True
        self._tools: ToolPort = CachedTools(self._registry, cache) if cache is not None else self._registry
        self._load = load
        for reference in tools:
            tool = self._placed(reference)
            self._registry.register_tool(tool)
            self._references[tool.name] = reference

    async def run_tool(
        self, call: CallContext, name: str, arguments: Mapping[str, JsonValue], context: Mapping[str, JsonValue]
    ) -> ToolResult:
        """What the tool answered, within its timeout and the seconds that remain for the call.

        Raises:
            ActorUnavailableError: This worker is about to leave its pool; nothing was done.
        """
        if not self._takes_calls:
            raise ActorUnavailableError("this worker is about to leave its pool: ask another one")
        self._calls_in_hand += 1
        try:
            return await self._run(call, name, arguments, context)
        finally:
            self._calls_in_hand -= 1

    def refuse_calls(self, call: CallContext) -> int:
        """Take no more tool calls; say how many are in hand."""
        self._takes_calls = False
        return self._calls_in_hand

    def take_calls(self, call: CallContext) -> None:
        """Take tool calls again."""
        self._takes_calls = True

    def listed(self, call: CallContext) -> dict[str, ListedTool]:
        """The tools of the settings, by name."""
        schemas = {schema.name: schema for schema in self._registry.schemas()}
        return {name: ListedTool(reference=reference, schema=schemas[name]) for name, reference in self._references.items()}

    async def stop(self) -> None:
        """Kill the child processes, with whatever runs in them."""
        await self._children.close()

    async def _run(self, call: CallContext, name: str, arguments: Mapping[str, JsonValue], context: Mapping[str, JsonValue]) -> ToolResult:
        if ":" in name and self._registry.get_tool(name) is None:
            self._registry.register_tool(self._placed(name), name)
        return await self._tools.run_tool(name, arguments, call, context)

    def _placed(self, reference: str) -> BaseTool:
        tool = self._load(reference)
        return tool if tool.is_async else ChildTool(tool, reference, self._children)


class SessionTools:
    """ToolPort of one run: its live tools at their caller, all others in their pools."""

    def __init__(self, spec: RunSpec, desk: ToolPort, pools: ToolPort) -> None:
        self._spec = spec
        self._desk = desk
        self._pools = pools

    async def run_tool(
        self, name: str, arguments: Mapping[str, JsonValue], call: CallContext, context: Mapping[str, JsonValue]
    ) -> ToolResult:
        """See ToolPort; a live tool may raise CallerAwayError."""
        if name in self._spec.live_tools:
            return await self._desk.run_tool(name, arguments, call, context)
        return await self._pools.run_tool(self._spec.tool_references.get(name, name), arguments, call, context)
