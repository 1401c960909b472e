"""How the cache is built in its process."""

from ...core.settings import Settings
from ..cache import CacheActor
from ..links import Links


def build(links: Links, settings: Settings) -> CacheActor:
    """Models' answers."""
    return CacheActor(settings.caching.max_entries, settings.caching.max_bytes)
