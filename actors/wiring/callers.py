"""How the desk for live tools is built in its process."""

from ...core.settings import Settings
from ..callers import CallerDesk
from ..links import Links


def build(links: Links, settings: Settings) -> CallerDesk:
    """Where live tools are asked for."""
    return CallerDesk(settings.runtime.lease_s)
