"""The contract's rate limiter: what one process asks of each provider, counted in sliding windows.

A window counts exactly what happened in its last seconds, so that no edge lets twice the limit through. Nobody sleeps inside a lock.
"""

import asyncio
import functools
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, ParamSpec, TypeVar

from .exceptions import LLMConfigurationError, RateLimitExceededError
from .models import LLMResponse
from .sliding_window import SlidingWindow

__all__ = ["LLMRateLimiter", "RateLimitConfig", "RateLimitExceededError", "get_rate_limiter", "rate_limited"]

P = ParamSpec("P")
T = TypeVar("T")

MINUTE_S = 60.0
HOUR_S = 3600.0


@dataclass(frozen=True)
class RateLimitConfig:
    """How much may be asked of one provider; `burst_limit` requests may begin within `cooldown_seconds`."""

    requests_per_minute: int = 60
    requests_per_hour: int = 1000
    tokens_per_minute: int = 100_000
    tokens_per_hour: int = 1_000_000
    burst_limit: int = 10
    cooldown_seconds: float = 1.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value > 0:
                raise LLMConfigurationError(f"{name} is {value!r}; a limit is more than 0", config_key=name, config_value=value)


@dataclass(slots=True)
class _Spending:
    """What one provider was asked."""

    burst: SlidingWindow
    requests_minute: SlidingWindow = field(default_factory=lambda: SlidingWindow(MINUTE_S))
    requests_hour: SlidingWindow = field(default_factory=lambda: SlidingWindow(HOUR_S))
    tokens_minute: SlidingWindow = field(default_factory=lambda: SlidingWindow(MINUTE_S))
    tokens_hour: SlidingWindow = field(default_factory=lambda: SlidingWindow(HOUR_S))

    def windows(self) -> tuple[SlidingWindow, ...]:
        return self.burst, *self.requests(), *self.tokens()

    def requests(self) -> tuple[SlidingWindow, ...]:
        return self.requests_minute, self.requests_hour

    def tokens(self) -> tuple[SlidingWindow, ...]:
        return self.tokens_minute, self.tokens_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class _Obstacle:
    limit_type: str
    limit: float
    wait_s: float


class LLMRateLimiter:
    """Holds the calls of each provider within limits; without a configuration it only counts. For any event loop and thread."""

    def __init__(
        self,
        config: RateLimitConfig | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.config = config
        self._clock = clock
        self._sleep = sleep
        self._spending: dict[str, _Spending] = {}
        self._lock = threading.Lock()  # never held while waiting

    def configure(self, config: RateLimitConfig | None) -> None:
        """Hold these limits from now on; what was spent still counts."""
        with self._lock:
            self.config = config
            for spending in self._spending.values():
                spending.burst = self._burst_window()

    async def acquire(self, provider: str = "default", estimated_tokens: int = 0, *, wait_s: float = 0.0) -> None:
        """Count a request; raises RateLimitExceededError if there is no room for it within `wait_s` seconds."""
        deadline = self._clock() + wait_s
        while (obstacle := self._take(provider, estimated_tokens)) is not None:
            if self._clock() + obstacle.wait_s > deadline:
                raise _exceeded(provider, obstacle)
            await self._sleep(obstacle.wait_s)

    async def record_tokens(self, provider: str, actual_tokens: int, estimated_tokens: int = 0) -> None:
        """Correct an estimate once the tokens are known; 0 gives all of it back."""
        with self._lock:
            now, spending = self._clock(), self._of(provider)
            for window in spending.tokens():
                if actual_tokens >= estimated_tokens:
                    window.add(now, actual_tokens - estimated_tokens)
                else:
                    window.give_back(estimated_tokens - actual_tokens)

    def get_stats(self, provider: str = "default") -> dict[str, Any]:  # the contract's shape
        """What counts now, the limits, and what is left of them; None where nothing is limited."""
        with self._lock:
            now, spending = self._clock(), self._of(provider)
            stats: dict[str, Any] = {"provider": provider}
            for unit in ("requests", "tokens"):
                for period in ("minute", "hour"):
                    used = getattr(spending, f"{unit}_{period}").total
                    limit = getattr(self.config, f"{unit}_per_{period}", None)
                    stats[f"{unit}_this_{period}"] = used
                    stats[f"{unit}_per_{period}_limit"] = limit
                    stats[f"{unit}_remaining_{period}"] = None if limit is None else max(0, limit - used)
            stats["burst_count"] = spending.burst.total
            stats["burst_limit"] = self.config and self.config.burst_limit
            stats["seconds_until_minute_reset"] = max(
                window.empty_in_s(now) for window in (spending.requests_minute, spending.tokens_minute)
            )
            stats["seconds_until_hour_reset"] = max(window.empty_in_s(now) for window in (spending.requests_hour, spending.tokens_hour))
            return stats

    def reset(self, provider: str | None = None) -> None:
        """Forget what one provider, or all, were asked."""
        with self._lock:
            if provider is None:
                self._spending.clear()
            else:
                self._spending.pop(provider, None)

    def _take(self, provider: str, tokens: int) -> _Obstacle | None:
        with self._lock:
            now, spending = self._clock(), self._of(provider)
            obstacles = [obstacle for obstacle in self._obstacles(spending, now, tokens) if obstacle.wait_s > 0]
            if not obstacles:
                for window in (spending.burst, *spending.requests()):
                    window.add(now, 1)
                for window in spending.tokens():
                    window.add(now, tokens)
            return max(obstacles, key=lambda obstacle: obstacle.wait_s, default=None)

    def _obstacles(self, spending: _Spending, now: float, tokens: int) -> Iterator[_Obstacle]:
        config = self.config
        if config is None:
            return
        for limit_type, window, amount, limit in (
            ("burst", spending.burst, 1, config.burst_limit),
            ("requests_per_minute", spending.requests_minute, 1, config.requests_per_minute),
            ("requests_per_hour", spending.requests_hour, 1, config.requests_per_hour),
            ("tokens_per_minute", spending.tokens_minute, tokens, config.tokens_per_minute),
            ("tokens_per_hour", spending.tokens_hour, tokens, config.tokens_per_hour),
        ):
            yield _Obstacle(limit_type=limit_type, limit=limit, wait_s=window.wait_s(now, amount, limit))

    def _of(self, provider: str) -> _Spending:
        spending = self._spending.get(provider)
        if spending is None:
            spending = self._spending[provider] = _Spending(self._burst_window())
        now = self._clock()
        for window in spending.windows():
            window.forget(now)
        return spending

    def _burst_window(self) -> SlidingWindow:
        return SlidingWindow((self.config or RateLimitConfig()).cooldown_seconds)


def _exceeded(provider: str, obstacle: _Obstacle) -> RateLimitExceededError:
    told = f"{obstacle.limit_type} of provider {provider!r} is {obstacle.limit}, and there is room again in {obstacle.wait_s:.3g} s"
    return RateLimitExceededError(f"{told}; wait, or raise the limit", obstacle.wait_s, obstacle.limit_type)


_PROCESS_WIDE = LLMRateLimiter()


def get_rate_limiter(config: RateLimitConfig | None = None) -> LLMRateLimiter:
    """The one limiter of this process; a configuration holds from now on. Until there is one it only counts."""
    if config is not None:
        _PROCESS_WIDE.configure(config)
    return _PROCESS_WIDE


def rate_limited(
    provider: str = "default", estimated_tokens: int = 0, *, limiter: LLMRateLimiter | None = None, wait_s: float = 0.0
) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Awaitable[T]]]:
    """Make each call of a coroutine function acquire first; the tokens of an LLMResponse are recorded, those of a failure given back."""

    def decorate(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        if not inspect.iscoroutinefunction(function):
            raise TypeError(f"rate_limited takes coroutine functions, and {function!r} is none: declare it with async def")

        @functools.wraps(function)
        async def limited(*args: P.args, **kwargs: P.kwargs) -> T:
            chosen = limiter or get_rate_limiter()
            await chosen.acquire(provider, estimated_tokens, wait_s=wait_s)
            spent = 0
            try:
                result = await function(*args, **kwargs)
                spent = _tokens_of(result, estimated_tokens)
                return result
            finally:
                await chosen.record_tokens(provider, spent, estimated_tokens)

        return limited

    return decorate


def _tokens_of(result: object, otherwise: int) -> int:
    return result.usage.get("total_tokens", otherwise) if isinstance(result, LLMResponse) else otherwise
