"""The shared cache of models' answers: one actor keeps bytes by key, everybody asks it through its handle."""

from dataclasses import asdict

from ..core.bounded_store import BoundedStore
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

    def put(self, call: CallContext, key: str, value: bytes, ttl_s: float) -> bool:
        """Keep a value for `ttl_s` seconds; says whether there was room."""
        return self._store.put(key, value, ttl_s)

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
        try:
            await self._link.ask("put", _CALL, key, value, ttl_s)
        except OutcomeUnknownError:  # the cache died, maybe long ago; keeping a value twice does no harm
            await self._link.ask("put", _CALL, key, value, ttl_s)
