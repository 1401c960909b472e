"""Where a cached client keeps what it knows: bytes under keys. In this process, or half of a cache that stands elsewhere."""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

from .bounded_store import BoundedStore
from .exceptions import LLMIntegrationError

logger = logging.getLogger(__name__)

MAX_UNDER_WAY = 1000
"""Values on their way to a cache; who brings more waits until his is there."""


BATCH_BYTES = 64_000
"""Of the values that go to a cache together."""

Entry = tuple[str, bytes, float]
"""A key, its value, and the seconds for which it is kept."""


class CachePort(Protocol):
    """Keeps bytes under keys for a while. Answers within its own deadline, or raises LLMIntegrationError."""

    async def get(self, key: str) -> bytes | None:
        """The value, if it is there."""
        ...

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds."""
        ...

    async def put_all(self, entries: Sequence[Entry]) -> None:
        """Keep several values."""
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

    async def put_all(self, entries: Sequence[Entry]) -> None:
        """Keep several values."""
        for key, value, ttl_s in entries:
            await self.put(key, value, ttl_s)


class WriteBehind:
    """Another cache's writing half, which keeps nobody waiting; satisfies CachePort. It has what is still on its way there.

    What is put while a batch is on its way goes with the next one.
    """

    def __init__(self, cache: CachePort, *, grace_s: float = 2.0) -> None:
        """Values stay for `grace_s` seconds more when they have arrived: somebody may have looked in the cache just before."""
        self._cache = cache
        self._grace_s = grace_s
        self._under_way: dict[str, bytes] = {}
        self._waiting: deque[Entry] = deque()
        self._sent = 0
        self._batch_over = asyncio.Event()
        """Of the batch that is on its way."""
        self._writer: asyncio.Task[None] | None = None

    async def get(self, key: str) -> bytes | None:
        """The value, if it is on its way, or has just arrived; who asks has looked in the cache already."""
        return self._under_way.get(key)

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Send a value on its way. That it did not arrive is told in the log."""
        await self.put_all([(key, value, ttl_s)])

    async def put_all(self, entries: Sequence[Entry]) -> None:
        """See `put`."""
        self._under_way.update((key, value) for key, value, _ in entries)
        self._waiting.extend(entries)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        try:
            while self._is_full:
                await self._batch_over.wait()
        except asyncio.CancelledError:
            self._give_up(entries)
            raise

    async def close(self) -> None:
        """Return when all is written, or has failed."""
        if self._writer is not None:
            await asyncio.wait({self._writer})

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch = self._take_batch()
                self._sent = len(batch)
                await self._write(batch)
                self._end_batch()
        finally:
            self._writer = None
            self._end_batch()

    @property
    def _is_full(self) -> bool:
        return self._writer is not None and len(self._waiting) + self._sent > MAX_UNDER_WAY

    def _end_batch(self) -> None:
        self._sent = 0
        self._batch_over.set()
        self._batch_over = asyncio.Event()

    def _take_batch(self) -> list[Entry]:
        batch: list[Entry] = []
        size = 0
        while self._waiting and size < BATCH_BYTES:
            batch.append(self._waiting.popleft())
            size += len(batch[-1][1])
        return batch

    async def _write(self, batch: list[Entry]) -> None:
        grace_s = 0.0
        try:
            await self._cache.put_all(batch)
            grace_s = min(self._grace_s, *(ttl_s for _, _, ttl_s in batch))
        except LLMIntegrationError as error:
            batch += self._waiting  # the cache is done without: they would only wait as long again
            self._waiting.clear()
            logger.warning("cache write failed, %d answers are not kept: %s", len(batch), error)
        finally:
            if grace_s > 0 and len(self._under_way) <= MAX_UNDER_WAY:
                asyncio.get_running_loop().call_later(grace_s, self._forget, batch)
            else:
                self._forget(batch)

    def _give_up(self, entries: Sequence[Entry]) -> None:
        waiting = [entry for entry in entries if entry in self._waiting]
        for entry in waiting:
            self._waiting.remove(entry)
        self._forget(waiting)

    def _forget(self, entries: Iterable[Entry]) -> None:
        for key, value, _ in entries:
            if self._under_way.get(key) is value:
                del self._under_way[key]
