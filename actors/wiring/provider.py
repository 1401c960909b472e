"""How a provider is built in its process."""

from ...core.cache_port import WriteBehind
from ...core.cached_client import CachedClient
from ...core.client_factory import client_for
from ...core.settings import Settings
from ..cache import CacheHandle
from ..links import Links
from ..names import Names
from ..provider import ProviderActor
from .model import cache_rules


def build(links: Links, settings: Settings, provider_name: str) -> ProviderActor:
    """One model endpoint: it joins identical calls, and writes what it answers into the cache."""
    client = client_for(settings.provider(provider_name))
    if not settings.caching.enabled:
        return ProviderActor(client, client.close)
    cache = WriteBehind(CacheHandle(links.to(Names(settings).cache)))

    async def close() -> None:
        await client.close()
        await cache.close()

    return ProviderActor(CachedClient(client, cache, cache_rules(settings, provider_name)), close)
