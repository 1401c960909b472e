"""Where a cached client keeps what it knows: bytes under keys. In this process, or half of a cache that stands elsewhere."""

import asyncio
import logging
from typing import Protocol

from .bounded_store import BoundedStore
from .exceptions import LLMIntegrationError

logger = logging.getLogger(__name__)

MAX_UNDER_WAY = 1000
"""Values on their way to a cache; who brings more waits until his is there."""


class CachePort(Protocol):
    """Keeps bytes under keys for a while. Answers within its own deadline, or raises LLMIntegrationError."""

    async def get(self, key: str) -> bytes | None:
        """The value, if it is there."""
        ...

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds."""
        ...


class MemoryCache:
    """A cache in this process; satisfies CachePort."""

    def __init__(self, store: BoundedStore | None = None) -> None:
        self.store = store or BoundedStore()

    async def get(self, key: str) -> bytes | None:
        """The value, if it is there."""
        return self.store.get(key)

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds."""
        self.store.put(key, value, ttl_s)


class WriteBehind:
    """Another cache's writing half, which keeps nobody waiting; satisfies CachePort. It has what is still on its way there."""

    def __init__(self, cache: CachePort, *, grace_s: float = 2.0) -> None:
        """Values stay for `grace_s` seconds more when they have arrived: somebody may have looked in the cache just before."""
        self._cache = cache
        self._grace_s = grace_s
        self._under_way: dict[str, bytes] = {}
        self._writing: set[asyncio.Task[None]] = set()

    async def get(self, key: str) -> bytes | None:
        """The value, if it is on its way, or has just arrived; who asks has looked in the cache already."""
        return self._under_way.get(key)

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Send a value on its way. That it did not arrive is told in the log."""
        self._under_way[key] = value
        task = asyncio.create_task(self._write(key, value, ttl_s))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        if len(self._writing) > MAX_UNDER_WAY:
            await task

    async def close(self) -> None:
        """Return when all is written, or has failed."""
        await asyncio.gather(*self._writing, return_exceptions=True)  # one may have been given up with its writer

    async def _write(self, key: str, value: bytes, ttl_s: float) -> None:
        grace_s = 0.0
        try:
            await self._cache.put(key, value, ttl_s)
            grace_s = min(self._grace_s, ttl_s)
        except LLMIntegrationError as error:
            logger.warning("cache write failed, the answer is not kept: %s", error)
        finally:
            if grace_s > 0 and len(self._under_way) <= MAX_UNDER_WAY:
                asyncio.get_running_loop().call_later(grace_s, self._forget, key, value)
            else:
                self._forget(key, value)

    def _forget(self, key: str, value: bytes) -> None:
        if self._under_way.get(key) is value:
            del self._under_way[key]
