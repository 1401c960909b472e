"""How a tool worker is built in its process."""

from ...core.settings import Settings
from ...core.tool_functions import load_tool
from ..links import Links
from ..tools import ToolWorkerActor


def build(links: Links, settings: Settings) -> ToolWorkerActor:
    """One of the pool."""
    tools = settings.tool_registry
    return ToolWorkerActor(
        enabled_tools(settings),
        default_timeout_s=tools.timeout_s,
        max_children=tools.children_per_worker,
        max_result_characters=tools.max_result_chars,
    )


def enabled_tools(settings: Settings) -> tuple[str, ...]:
    """The references of the tools that the pool offers."""
    disabled = {name for name, tool in settings.tools.items() if not tool.enabled}
    return tuple(reference for reference in settings.tool_registry.tools if not disabled or load_tool(reference).name not in disabled)
