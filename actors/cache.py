"""The shared cache of models' answers: one actor keeps bytes by key, everybody asks it through its handle."""

from collections.abc import Sequence
from dataclasses import asdict

from ..core.bounded_store import BoundedStore
from ..core.cache_port import Entry
from ..core.call_context import CallContext
from ..core.exceptions import OutcomeUnknownError
from .links import Link

WAIT_S = 5.0
"""Seconds after which the cache is done without: it may be slow, but must not hold anybody up."""
_CALL = CallContext(remaining_s=WAIT_S)


class CacheActor:
    """Keeps values in memory, bounded, each for its time."""

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._store = BoundedStore(max_entries, max_bytes)

    def get(self, call: CallContext, key: str) -> bytes | None:
        """The value, or None."""
        return self._store.get(key)

    def put_all(self, call: CallContext, entries: Sequence[Entry]) -> int:
        """Keep values, each for its time; says for how many there was room."""
        return sum(self._store.put(*entry) for entry in entries)

    def health(self) -> dict[str, float]:
        """How much is kept, and how often it was of use."""
        return asdict(self._store.statistics())


class CacheHandle:
    """CachePort over the cache actor."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def get(self, key: str) -> bytes | None:
        """The value, or None; raises ActorError when the cache cannot be asked."""
        value: bytes | None = await self._link.ask("get", _CALL, key)
        return value

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """Return when the value is kept; raises ActorError when the cache cannot be asked."""
        await self.put_all([(key, value, ttl_s)])

    async def put_all(self, entries: Sequence[Entry]) -> None:
        """Return when the values are kept; raises ActorError when the cache cannot be asked."""
        try:
            await self._link.ask("put_all", _CALL, tuple(entries))
        except OutcomeUnknownError:  # the cache died, maybe long ago; keeping a value twice does no harm
            await self._link.ask("put_all", _CALL, tuple(entries))
