"""What the actors of a runtime are called, and which host a session lives in. Everybody computes it alike."""

import hashlib

from ..core.settings import Settings


class Names:
    """The names of a runtime's actors."""

    def __init__(self, settings: Settings) -> None:
        self._runtime = settings.runtime.name
        self.tool_workers = tuple(f"{self._runtime}/tools/{index}" for index in range(settings.tool_registry.workers))
        self.hosts = tuple(f"{self._runtime}/conversations/{index}" for index in range(settings.conversation_management.hosts))
        self.supervisor = f"{self._runtime}/supervisor"
        self.journal = f"{self._runtime}/journal"
        self.cache = f"{self._runtime}/cache"
        self.callers = f"{self._runtime}/callers"
        self.scenarios = f"{self._runtime}/scenarios"

    def provider(self, name: str) -> str:
        """The actor of a provider."""
        return f"{self._runtime}/providers/{name}"

    def host_of(self, session_id: str) -> str:
        """The host in which a session lives: always the same, known to everybody without asking."""
        place = int.from_bytes(hashlib.sha256(session_id.encode()).digest()[:8])
        return self.hosts[place % len(self.hosts)]
