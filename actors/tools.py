"""Tools on a cluster: the worker actor, one of a pool, and what sessions ask instead of a worker."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from ..core.call_context import CallContext
from ..core.models import ToolResult
from ..core.ports import ToolPort
from ..core.runs import RunSpec
from ..core.tool_children import ChildTool, ToolChildren
from ..core.tool_functions import load_tool
from ..core.tool_registry import ToolRegistry
from ..core.tool_results import MAX_RESULT_CHARACTERS
from ..core.tool_runner import DEFAULT_TIMEOUT_S
from ..core.tool_schema import ToolSchema
from ..core.tools import BaseTool
from .links import Link


class ToolWorkerActor:
    """Runs async tools on its event loop and all others in child processes, each with a deadline."""

    def __init__(
        self,
        tools: tuple[str, ...],
        *,
        default_timeout_s: float = DEFAULT_TIMEOUT_S,
        max_children: int = 2,
        max_result_characters: int = MAX_RESULT_CHARACTERS,
    ) -> None:
        """Take the tools by their references, `module:name`."""
        self._children = ToolChildren(max_children=max_children, max_result_characters=max_result_characters)
        self._registry = ToolRegistry(default_timeout_s=default_timeout_s, max_result_characters=max_result_characters)
        for reference in tools:
            self._registry.register_tool(self._placed(load_tool(reference), reference))

    async def run_tool(
        self, call: CallContext, name: str, arguments: Mapping[str, JsonValue], context: Mapping[str, JsonValue]
    ) -> ToolResult:
        """What the tool answered, within its timeout and the seconds that remain for the call."""
        if ":" in name and self._registry.get_tool(name) is None:
            self._registry.register_tool(self._placed(load_tool(name), name), name)
        return await self._registry.run_tool(name, arguments, call, context)

    def schemas(self, call: CallContext) -> dict[str, ToolSchema]:
        """What models are told of the tools of the settings, by name."""
        return {schema.name: schema for schema in self._registry.schemas() if ":" not in schema.name}

    async def stop(self) -> None:
        """Kill the child processes, with whatever runs in them."""
        await self._children.close()

    def _placed(self, tool: BaseTool, reference: str) -> BaseTool:
        return tool if tool.is_async else ChildTool(tool, reference, self._children)


class ToolPoolHandle:
    """ToolPort over the pool: each call goes to the worker that has the fewest of ours in hand."""

    def __init__(self, workers: Sequence[Link]) -> None:
        self._workers = workers

    async def run_tool(
        self, name: str, arguments: Mapping[str, JsonValue], call: CallContext, context: Mapping[str, JsonValue]
    ) -> ToolResult:
        """See ToolPort."""
        worker = min(self._workers, key=lambda link: link.outstanding)
        result: ToolResult = await worker.ask("run_tool", call, name, arguments, context)
        return result


class SessionTools:
    """ToolPort of one run: its live tools at their caller, all others in the pool."""

    def __init__(self, spec: RunSpec, desk: ToolPort, pool: ToolPort) -> None:
        self._spec = spec
        self._desk = desk
        self._pool = pool

    async def run_tool(
        self, name: str, arguments: Mapping[str, JsonValue], call: CallContext, context: Mapping[str, JsonValue]
    ) -> ToolResult:
        """See ToolPort; a live tool may raise CallerAwayError."""
        if name in self._spec.live_tools:
            return await self._desk.run_tool(name, arguments, call, context)
        return await self._pool.run_tool(self._spec.tool_references.get(name, name), arguments, call, context)
