"""A store of bytes with bounds: how many entries, how many bytes, how long each. The longest unused goes first."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatistics:
    """What a store holds, and what happened to it since it was made."""

    entries: int
    bytes_held: int
    hits: int
    misses: int
    evictions: int
    """Entries that went because of the bounds."""
    expirations: int
    rejections: int
    """Values that alone were larger than the bound."""

    @property
    def hit_rate(self) -> float:
        """Hits as a part of all gets; 0 before the first."""
        gets = self.hits + self.misses
        return self.hits / gets if gets else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreEntry:
    """One value and the store's time at which it goes."""

    value: bytes
    expires_at: float


class BoundedStore:
    """Keeps values under keys; never holds more than its bounds. Not for several threads at once."""

    def __init__(self, max_entries: int = 10_000, max_bytes: int = 256 * 1024 * 1024, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._entries: OrderedDict[str, StoreEntry] = OrderedDict()
        self._bytes = 0
        self._hits = self._misses = self._evictions = self._expirations = self._rejections = 0

    def get(self, key: str) -> bytes | None:
        """The value, if there is one and its time is not over."""
        entry = self._entries.get(key)
        if entry is not None and entry.expires_at <= self._clock():
            self._expire(key)
            entry = None
        if entry is None:
            self._misses += 1
            return None
        self._hits += 1
        self._entries.move_to_end(key)
        return entry.value

    def put(self, key: str, value: bytes, ttl_s: float) -> bool:
        """Keep a value for `ttl_s` seconds instead of the one before; says whether it was kept: not for 0 s, nor beyond the bounds."""
        if ttl_s <= 0:
            return False
        self.remove(key)
        if _size(key, value) > self._max_bytes or self._max_entries < 1:
            self._rejections += 1
            return False
        self._entries[key] = StoreEntry(value=value, expires_at=self._clock() + ttl_s)
        self._bytes += _size(key, value)
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))
            self._evictions += 1
        return True

    def remove(self, key: str) -> bool:
        """Forget one value; says whether it was there."""
        found = key in self._entries
        if found:
            self._drop(key)
        return found

    def remove_prefix(self, prefix: str) -> int:
        """Forget all values whose keys begin so; says how many."""
        keys = [key for key in self._entries if key.startswith(prefix)]
        for key in keys:
            self._drop(key)
        return len(keys)

    def sweep(self) -> int:
        """Forget what is over; says how many. Without it such values go when asked for, or when room is needed."""
        now = self._clock()
        keys = [key for key, entry in self._entries.items() if entry.expires_at <= now]
        for key in keys:
            self._expire(key)
        return len(keys)

    def items(self) -> Iterator[tuple[str, StoreEntry]]:
        """Keys and entries, the longest unused first."""
        return iter(self._entries.items())

    def __len__(self) -> int:
        return len(self._entries)

    def statistics(self) -> StoreStatistics:
        """The present figures."""
        return StoreStatistics(
            entries=len(self._entries),
            bytes_held=self._bytes,
            hits=self._hits,
            misses=self._misses,
            evictions=self._evictions,
            expirations=self._expirations,
            rejections=self._rejections,
        )

    def _expire(self, key: str) -> None:
        self._drop(key)
        self._expirations += 1

    def _drop(self, key: str) -> None:
        self._bytes -= _size(key, self._entries.pop(key).value)


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value)
