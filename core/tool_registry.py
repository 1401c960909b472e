"""The tools of one process by name: what models are told of them, how they are called, and what came of it."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import JsonValue

from .call_context import CallContext
from .default_tools import CalculatorTool, EchoTool
from .exceptions import LLMToolError, ToolTimeoutError
from .models import ToolCall, ToolResult
from .tool_functions import FunctionTool, load_tool, tool, tool_reference
from .tool_history import ToolHistory
from .tool_results import MAX_RESULT_CHARACTERS
from .tool_runner import DEFAULT_TIMEOUT_S, ToolRunner, failed_result
from .tool_schema import ToolSchema
from .tools import BaseTool, ToolCallContext, check_schema

__all__ = [
    "BaseTool",
    "CalculatorTool",
    "EchoTool",
    "FunctionTool",
    "ToolCallContext",
    "ToolRegistry",
    "ToolResult",
    "ToolSchema",
    "ToolTimeoutError",
    "create_default_registry",
    "load_tool",
    "tool",
    "tool_reference",
]


class ToolRegistry:
    """Tools by name; satisfies ToolPort."""

    def __init__(
        self,
        *,
        default_timeout_s: float = DEFAULT_TIMEOUT_S,
        max_result_characters: int = MAX_RESULT_CHARACTERS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tools: dict[str, BaseTool] = {}
        self._runner = ToolRunner(default_timeout_s=default_timeout_s, max_result_characters=max_result_characters, clock=clock)
        self._history = ToolHistory()

    def register_tool(self, tool: BaseTool, name: str | None = None) -> None:
        """Add a tool, under its own name or another, in place of any that has it; raises LLMConfigurationError for a bad schema."""
        check_schema(tool.get_schema())
        self._tools[name or tool.name] = tool

    def unregister_tool(self, name: str) -> None:
        """Remove a tool, if there is one of that name."""
        self._tools.pop(name, None)

    def get_tool(self, name: str) -> BaseTool | None:
        """The tool of that name."""
        return self._tools.get(name)

    def list_tools(self) -> list[str]:
        """The names, in the order in which they were registered."""
        return list(self._tools)

    def schemas(self) -> tuple[ToolSchema, ...]:
        """What a model is told of each tool, under the name by which it is called here."""
        return tuple(replace(tool.get_schema(), name=name) for name, tool in self._tools.items())

    def get_tool_schemas(self, format_type: str = "openai") -> list[dict[str, Any]]:  # JSON
        """The tools as "openai", "anthropic" or "google" take them; any other word means OpenAI."""
        match format_type:
            case "anthropic":
                return [tool.get_anthropic_format() for tool in self._tools.values()]
            case "google":
                return [tool.get_google_format() for tool in self._tools.values()]
            case _:
                return [tool.get_openai_format() for tool in self._tools.values()]

    async def run_tool(
        self, name: str, arguments: Mapping[str, JsonValue], call: CallContext, context: Mapping[str, JsonValue]
    ) -> ToolResult:
        """What the tool answered to a call of a session."""
        return await self._run(name, arguments, ToolCallContext.of(call, context), call.remaining_s)

    async def execute_tool(self, name: str, parameters: dict[str, Any], call_id: str | None = None) -> ToolResult:
        """What the tool answered; never raises."""
        return await self._run(name, parameters, ToolCallContext(call_id=call_id or "unknown"))

    async def execute_tool_call(self, tool_call: ToolCall) -> ToolResult:
        """What the tool answered to a model's call."""
        return await self.execute_tool(tool_call.tool_name, tool_call.parameters, tool_call.call_id)

    async def execute_multiple_tools(self, tool_calls: Sequence[ToolCall], parallel: bool = True) -> list[ToolResult]:
        """One result per call, in the order of the calls."""
        if parallel:
            return await asyncio.gather(*(self.execute_tool_call(call) for call in tool_calls))
        return [await self.execute_tool_call(call) for call in tool_calls]

    def get_execution_history(self, tool_name: str | None = None, limit: int | None = None) -> list[ToolResult]:
        """The last calls, newest last, long results cut short; of one tool or of all."""
        return self._history.calls(tool_name, limit)

    def get_tool_statistics(self) -> dict[str, dict[str, Any]]:  # fixed by the contract
        """The sums of every registered tool, and of the names that were called but are not registered."""
        return self._history.statistics(self.list_tools())

    def clear_history(self) -> None:
        """Forget all calls and sums."""
        self._history.clear()

    async def _run(self, name: str, arguments: Mapping[str, Any], call: ToolCallContext, remaining_s: float | None = None) -> ToolResult:
        tool = self._tools.get(name)
        if tool is None:
            result = failed_result(name, call.call_id, LLMToolError(f"Tool not found: {name}", name))
        else:
            result = await self._runner.run(tool, arguments, call, remaining_s)
        self._history.add(result)
        return result


def create_default_registry() -> ToolRegistry:
    """A registry with `echo` and `calculator`."""
    registry = ToolRegistry()
    registry.register_tool(EchoTool())
    registry.register_tool(CalculatorTool())
    return registry
