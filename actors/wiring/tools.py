"""How a tool worker is built in its process."""

from functools import partial

from ...core.configured_tools import configured_tool, enabled_tools
from ...core.settings import Settings
from ..cache import CacheHandle
from ..links import Links
from ..names import Names
from ..tools import ToolWorkerActor


def build(links: Links, settings: Settings, pool: str) -> ToolWorkerActor:
    """One of a pool."""
    tools = settings.tool_registry
    return ToolWorkerActor(
        tuple(reference for known in tools.known_to(pool) for reference in enabled_tools(settings, known)),
        default_timeout_s=tools.timeout_s,
        max_children=tools.all_pools[pool].children_per_worker,
        max_result_characters=tools.max_result_chars,
        load=partial(configured_tool, settings),
        cache=CacheHandle(links.to(Names(settings).cache)) if settings.caching.enabled else None,
    )
