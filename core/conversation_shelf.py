"""Where conversations are kept: a bounded number of them, the longest unused goes first, each for a while."""

from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Generic, TypeVar

from .exceptions import SessionError, UnknownSessionError

T = TypeVar("T")


@dataclass(slots=True)
class _Entry(Generic[T]):
    value: T
    used_at: float


class Shelf(Generic[T]):
    """Values by id. What is `in_use` stays, whatever the bounds say."""

    def __init__(self, max_items: int, ttl_s: float | None, in_use: Container[str], clock: Callable[[], float]) -> None:
        self._max_items = max_items
        self._ttl_s = ttl_s
        self._in_use = in_use
        self._clock = clock
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()  # the longest unused first

    def add(self, item_id: str, value: T) -> None:
        """Keep a value; raises SessionError if its id is taken."""
        self._expire()
        if item_id in self._entries:
            raise SessionError(f"conversation {item_id!r} is there already: delete it, or choose another id", item_id)
        self._entries[item_id] = _Entry(value, self._clock())
        while len(self._entries) > self._max_items and (oldest := self._oldest_unused(item_id)) is not None:
            del self._entries[oldest]

    def use(self, item_id: str) -> T:
        """The value, which is now the last used; raises UnknownSessionError if it is not there."""
        if (value := self.find(item_id)) is None:
            raise UnknownSessionError(f"unknown conversation {item_id!r}: it was never created, was deleted, or had to go", item_id)
        return value

    def find(self, item_id: str) -> T | None:
        """The value, if it is there, which is now the last used."""
        self._expire()
        entry = self._entries.get(item_id)
        if entry is None:
            return None
        entry.used_at = self._clock()
        self._entries.move_to_end(item_id)
        return entry.value

    def remove(self, item_id: str) -> bool:
        """Forget a value; says whether it was there."""
        return self._entries.pop(item_id, None) is not None

    def items(self) -> list[tuple[str, T]]:
        """Ids and values, the longest unused first."""
        self._expire()
        return [(item_id, entry.value) for item_id, entry in self._entries.items()]

    def _expire(self) -> None:
        if self._ttl_s is None:
            return
        fresh_since = self._clock() - self._ttl_s
        for item_id in [item_id for item_id, entry in self._entries.items() if entry.used_at <= fresh_since]:
            if item_id not in self._in_use:
                del self._entries[item_id]

    def _oldest_unused(self, newest: str) -> str | None:
        return next((item_id for item_id in self._entries if item_id != newest and item_id not in self._in_use), None)
