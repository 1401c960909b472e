"""Waiting for something to happen to one of many sessions."""

import asyncio


class Bells:
    """Wakes those who wait for something to happen to a session."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def __len__(self) -> int:
        """How many sessions somebody waits for."""
        return len(self._waiting)

    def ring(self, session_id: str) -> None:
        """Wake who waits for this session."""
        for bell in self._waiting.get(session_id, ()):
            bell.set()

    async def wait(self, session_id: str) -> None:
        """Return when it rings next."""
        bell = asyncio.Event()
        waiting = self._waiting.setdefault(session_id, set())
        waiting.add(bell)
        try:
            await bell.wait()
        finally:
            waiting.discard(bell)
            if not waiting:
                self._waiting.pop(session_id, None)
