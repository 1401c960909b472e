"""What travels with every message between actors: whose work it is, and how long it may take."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """One call's place in its session, and the seconds that are left for it (clocks differ between nodes)."""

    session_id: str = ""
    root_session_id: str = ""
    run_id: str = ""
    step: int = 0
    call_index: int = 0
    call_id: str = ""
    tenant: str = "default"
    priority: int = 0
    traceparent: str | None = None
    """W3C Trace Context, https://www.w3.org/TR/trace-context/."""
    remaining_s: float | None = None
    """Seconds left when the message was sent; None leaves it to the settings."""
    attempt: int = 1
    cache_key: str | None = None
    """What the answer is kept under, PROVIDER/DIGEST, where the asker has worked that out."""

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt at one call of one step, and for no other call."""
        place = f"{self.session_id}\n{self.run_id}\n{self.step}\n{self.call_index}\n{self.call_id}"
        return hashlib.sha256(place.encode()).hexdigest()[:32]
