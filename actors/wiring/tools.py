"""How a tool worker is built in its process."""

from ...core.settings import Settings
from ..links import Links
from ..tools import ToolWorkerActor


def build(links: Links, settings: Settings) -> ToolWorkerActor:
    """One of the pool."""
    tools = settings.tool_registry
    return ToolWorkerActor(
        tools.tools,
        default_timeout_s=tools.timeout_s,
        max_children=tools.children_per_worker,
        max_result_characters=tools.max_result_chars,
    )
