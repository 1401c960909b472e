"""Tools as the settings want them: found by their references, each with its own time and its results' time."""

import logging
from dataclasses import replace
from typing import Any

from .pool_settings import DEFAULT_POOL
from .settings import Settings, ToolSettings
from .tool_functions import load_tool
from .tool_needs import ToolNeeds, joined_needs
from .tool_schema import ToolSchema
from .tools import BaseTool, ToolCallContext

logger = logging.getLogger(__name__)


def configured_tool(settings: Settings, reference: str) -> BaseTool:
    """The tool at `module:name`, which the settings rule if they list it; raises LLMConfigurationError when it cannot be loaded."""
    tool = load_tool(reference)
    is_listed = any(reference in pool.tools for pool in settings.tool_registry.all_pools.values())
    wanted = settings.tools.get(tool.name) if is_listed else None
    if wanted is None:
        return tool
    if wanted.cache_ttl_s and tool.get_schema().effect == "once":
        logger.warning("tools.%s.cache_ttl_s is not used: the tool's effect is 'once', so every call runs", tool.name)
    return ConfiguredTool(tool, wanted)


def enabled_tools(settings: Settings, pool: str = DEFAULT_POOL) -> tuple[str, ...]:
    """The references of the tools that a pool lists and that are not disabled."""
    listed = settings.tool_registry.all_pools[pool].tools
    disabled = {name for name, tool in settings.tools.items() if not tool.enabled}
    return tuple(reference for reference in listed if not disabled or load_tool(reference).name not in disabled)


class ConfiguredTool(BaseTool):
    """Another tool, with what the settings say in place of what it says of itself."""

    def __init__(self, tool: BaseTool, settings: ToolSettings) -> None:
        super().__init__(tool.name, tool.description)
        self._tool = tool
        self._needs = joined_needs(tool.needs, settings.needs)
        other = {"enabled", *settings.needs}
        self._said: dict[str, Any] = settings.model_dump(exclude=other, exclude_defaults=True)  # fields of ToolSchema

    def get_schema(self) -> ToolSchema:
        """The tool's own schema but for what the settings say."""
        return replace(self._tool.get_schema(), **self._said)

    @property
    def is_async(self) -> bool:
        """As the tool itself."""
        return self._tool.is_async

    @property
    def needs(self) -> ToolNeeds:
        """The tool's own but for what the settings say."""
        return self._needs

    @property
    def reads_call(self) -> bool:
        """As the tool itself."""
        return self._tool.reads_call

    async def validate_parameters(self, parameters: dict[str, Any]) -> bool:
        """As the tool itself sees it."""
        return await self._tool.validate_parameters(parameters)

    def execute(self, parameters: dict[str, Any]) -> Any:  # as BaseTool's
        """What the tool answers."""
        return self._tool.execute(parameters)

    def execute_with_context(self, parameters: dict[str, Any], call: ToolCallContext) -> Any:  # as BaseTool's
        """What the tool answers."""
        return self._tool.execute_with_context(parameters, call)
