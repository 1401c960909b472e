"""What the actors of a runtime are called, and which host a session lives in. Everybody computes it alike."""

import hashlib
from dataclasses import dataclass

from ..core.pool_settings import DEFAULT_POOL, PoolSettings
from ..core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolNames:
    """The workers of one tool pool."""

    steady: tuple[str, ...]
    """Those that are always there."""
    spare: tuple[str, ...]
    """Those that come and go, in this order and the reverse of it."""


class Names:
    """The names of a runtime's actors."""

    def __init__(self, settings: Settings) -> None:
        self._runtime = settings.runtime.name
        self.pools = {name: self._workers(name, pool) for name, pool in settings.tool_registry.all_pools.items()}
        self.hosts = tuple(f"{self._runtime}/conversations/{index}" for index in range(settings.conversation_management.hosts))
        self.supervisor = f"{self._runtime}/supervisor"
        self.journal = f"{self._runtime}/journal"
        self.cache = f"{self._runtime}/cache"
        self.callers = f"{self._runtime}/callers"
        self.scenarios = f"{self._runtime}/scenarios"
        self.pool_keeper = f"{self._runtime}/pools"

    def provider(self, name: str) -> str:
        """The actor of a provider."""
        return f"{self._runtime}/providers/{name}"

    def own_host(self, session_id: str) -> str:
        """The host of a session that has one of its own."""
        return f"{self._runtime}/sessions/{session_id}"

    def host_of(self, session_id: str) -> str:
        """The host in which a session lives: always the same, known to everybody without asking."""
        place = int.from_bytes(hashlib.sha256(session_id.encode()).digest()[:8])
        return self.hosts[place % len(self.hosts)]

    def _workers(self, pool_name: str, pool: PoolSettings) -> PoolNames:
        folder = f"{self._runtime}/tools" if pool_name == DEFAULT_POOL else f"{self._runtime}/tools/{pool_name}"
        names = tuple(f"{folder}/{index}" for index in range(pool.most_workers))
        return PoolNames(steady=names[: pool.workers], spare=names[pool.workers :])
