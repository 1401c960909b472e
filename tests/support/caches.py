"""Caches for tests: one that writes down what it is given, one that always fails."""

from collections.abc import Sequence

from polaris_llm.core.cache_port import Entry, MemoryCache
from polaris_llm.core.exceptions import ActorUnavailableError


class RecordingCache(MemoryCache):
    """A cache in memory that writes down for how long things are put."""

    def __init__(self) -> None:
        super().__init__()
        self.ttls: list[float] = []

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep, and write down."""
        self.ttls.append(ttl_s)
        await super().put(key, value, ttl_s)


class BrokenCache:
    """A cache whose actor is gone."""

    async def get(self, key: str) -> bytes | None:
        """Fails."""
        raise ActorUnavailableError("the cache is gone", actor="cache")

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Fails."""
        raise ActorUnavailableError("the cache is gone", actor="cache")

    async def put_all(self, entries: Sequence[Entry]) -> None:
        """Fails."""
        raise ActorUnavailableError("the cache is gone", actor="cache")
