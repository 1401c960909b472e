"""How the keeper of the tool pools is built in its process."""

from ...core.settings import Settings
from ..links import Links
from ..pools import ToolPools
from ..roster import spare_workers


def build(links: Links, settings: Settings) -> ToolPools:
    """Who hires tool workers and lets them go."""
    return ToolPools(links, settings.tool_registry.all_pools, spare_workers(settings))
