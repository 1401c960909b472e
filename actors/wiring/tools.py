"""How a tool worker is built in its process."""

from ...core.pool_settings import DEFAULT_POOL
from ...core.settings import Settings
from ...core.tool_functions import load_tool
from ..links import Links
from ..tools import ToolWorkerActor


def build(links: Links, settings: Settings, pool: str) -> ToolWorkerActor:
    """One of a pool."""
    tools = settings.tool_registry
    return ToolWorkerActor(
        enabled_tools(settings, pool),
        default_timeout_s=tools.timeout_s,
        max_children=tools.all_pools[pool].children_per_worker,
        max_result_characters=tools.max_result_chars,
    )


def enabled_tools(settings: Settings, pool: str = DEFAULT_POOL) -> tuple[str, ...]:
    """The references of the tools that a pool offers."""
    listed = settings.tool_registry.all_pools[pool].tools
    disabled = {name for name, tool in settings.tools.items() if not tool.enabled}
    return tuple(reference for reference in listed if not disabled or load_tool(reference).name not in disabled)
