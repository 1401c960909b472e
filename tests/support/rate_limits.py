"""A limiter in a time that only sleeping moves."""

from dataclasses import dataclass, field
from typing import Any

from polaris_llm.core.exceptions import RateLimitExceededError
from polaris_llm.core.rate_limiter import LLMRateLimiter, RateLimitConfig

WIDE: dict[str, Any] = dict.fromkeys(
    ("requests_per_minute", "requests_per_hour", "tokens_per_minute", "tokens_per_hour", "burst_limit"), 1_000_000
)
"""Limits that nothing meets."""


@dataclass
class Time:
    """A clock that only sleeping moves."""

    now: float = 600_000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        """Seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Pass the time."""
        self.slept.append(seconds)
        self.now += seconds


def a_limiter(time: Time | None = None, **limits: Any) -> LLMRateLimiter:
    """A limiter that is wide but for these limits."""
    time = time or Time()
    return LLMRateLimiter(RateLimitConfig(**WIDE | limits), clock=time.clock, sleep=time.sleep)


async def passes(limiter: LLMRateLimiter, provider: str = "default", tokens: int = 0) -> bool:
    """Whether a request passes at once."""
    try:
        await limiter.acquire(provider, tokens)
    except RateLimitExceededError:
        return False
    return True
