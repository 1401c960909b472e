"""The contract's rate limiter: what passes, what waits and what is refused, and what of it is given back."""

import asyncio
import pickle
from typing import Any

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError, LLMIntegrationError, RateLimitExceededError
from polaris_llm.core.rate_limiter import LLMRateLimiter, RateLimitConfig, get_rate_limiter
from support.rate_limits import WIDE, Time, a_limiter, passes

pytestmark = pytest.mark.anyio

LIMITS = {
    "burst": ("burst_limit", 0, 1.0),
    "requests_per_minute": ("requests_per_minute", 0, 60.0),
    "requests_per_hour": ("requests_per_hour", 0, 3600.0),
    "tokens_per_minute": ("tokens_per_minute", 1, 60.0),
    "tokens_per_hour": ("tokens_per_hour", 1, 3600.0),
}


@pytest.mark.parametrize("limit_type", LIMITS)
async def test_each_limit_refuses_by_its_name_and_says_when_there_is_room(limit_type: str) -> None:
    name, tokens, window_s = LIMITS[limit_type]
    time = Time()
    limiter = a_limiter(time, **{name: 3})
    for _ in range(3):
        await limiter.acquire("openai", tokens)
    time.now += window_s / 4

    with pytest.raises(RateLimitExceededError, match=f"{limit_type} of provider 'openai' is 3") as caught:
        await limiter.acquire("openai", tokens)

    assert caught.value.limit_type == limit_type
    assert caught.value.retry_after == pytest.approx(window_s * 3 / 4, rel=0.002)
    time.now += caught.value.retry_after or 0
    assert await passes(limiter, "openai", tokens)


async def test_the_error_is_one_of_ours_and_crosses_processes() -> None:
    limiter = a_limiter(burst_limit=1)
    await limiter.acquire()

    with pytest.raises(LLMIntegrationError) as caught:
        await limiter.acquire()

    assert pickle.loads(pickle.dumps(caught.value)) == caught.value


async def test_what_was_refused_does_not_count() -> None:
    limiter = a_limiter(requests_per_minute=1)
    await limiter.acquire()

    assert not await passes(limiter)
    assert limiter.get_stats("default")["requests_this_minute"] == 1


async def test_who_may_wait_waits_until_there_is_room() -> None:
    time = Time()
    limiter = a_limiter(time, requests_per_minute=1)
    await limiter.acquire()

    await limiter.acquire(wait_s=61)

    assert sum(time.slept) == pytest.approx(60, rel=0.002)


async def test_who_would_wait_for_too_long_is_refused_at_once() -> None:
    time = Time()
    limiter = a_limiter(time, requests_per_minute=1)
    await limiter.acquire()

    with pytest.raises(RateLimitExceededError):
        await limiter.acquire(wait_s=30)

    assert time.slept == []


async def test_a_provider_does_not_wait_for_another_that_does() -> None:
    waiting, forever = asyncio.Event(), asyncio.Event()

    async def sleep(seconds: float) -> None:
        waiting.set()
        await forever.wait()

    limiter = LLMRateLimiter(RateLimitConfig(**WIDE | {"burst_limit": 1}), clock=lambda: 0.0, sleep=sleep)
    await limiter.acquire("slow")
    waiter = asyncio.create_task(limiter.acquire("slow", wait_s=10))

    async with asyncio.timeout(5):
        await waiting.wait()
        await limiter.acquire("quick")

    waiter.cancel()
    assert limiter.get_stats("quick")["requests_this_minute"] == 1


async def test_a_request_larger_than_the_window_passes_alone() -> None:
    time = Time()
    limiter = a_limiter(time, tokens_per_minute=100)

    assert await passes(limiter, tokens=500)
    assert not await passes(limiter, tokens=1)
    time.now += 61
    assert await passes(limiter, tokens=500)


async def test_recorded_tokens_replace_the_estimate() -> None:
    limiter = a_limiter(tokens_per_minute=100)
    await limiter.acquire(estimated_tokens=80)
    assert not await passes(limiter, tokens=50)

    await limiter.record_tokens("default", 20, 80)

    assert limiter.get_stats("default")["tokens_this_minute"] == 20
    assert await passes(limiter, tokens=50)
    await limiter.record_tokens("default", 40, 10)
    assert limiter.get_stats("default")["tokens_this_hour"] == 100


async def test_statistics_tell_use_limits_and_what_is_left() -> None:
    time = Time()
    limiter = a_limiter(time, requests_per_minute=10, tokens_per_hour=1000, burst_limit=5)
    await limiter.acquire("openai", 100)
    time.now += 30

    stats = limiter.get_stats("openai")

    assert (stats["requests_this_minute"], stats["requests_per_minute_limit"], stats["requests_remaining_minute"]) == (1, 10, 9)
    assert (stats["tokens_this_hour"], stats["tokens_per_hour_limit"], stats["tokens_remaining_hour"]) == (100, 1000, 900)
    assert (stats["burst_count"], stats["burst_limit"]) == (0, 5)
    assert stats["seconds_until_minute_reset"] == pytest.approx(30, rel=0.01)
    assert stats["seconds_until_hour_reset"] == pytest.approx(3570, rel=0.01)


async def test_a_limiter_without_limits_only_counts() -> None:
    limiter = LLMRateLimiter()

    for _ in range(2000):
        await limiter.acquire("openai", 10_000)

    stats = limiter.get_stats("openai")
    assert (stats["requests_this_minute"], stats["tokens_this_hour"]) == (2000, 20_000_000)
    assert (stats["requests_per_minute_limit"], stats["tokens_remaining_hour"], stats["burst_limit"]) == (None, None, None)


async def test_reset_forgets_one_provider_or_all() -> None:
    limiter = a_limiter(burst_limit=1)
    for provider in ("one", "two"):
        await limiter.acquire(provider)

    limiter.reset("one")
    assert (await passes(limiter, "one"), await passes(limiter, "two")) == (True, False)
    limiter.reset()
    assert await passes(limiter, "two")


@pytest.mark.parametrize("limits", [{"requests_per_minute": 0}, {"cooldown_seconds": -1.0}, {"tokens_per_hour": float("nan")}])
def test_a_limit_that_lets_nothing_pass_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(LLMConfigurationError, match=rf"{next(iter(limits))} is .*; a limit is more than 0"):
        RateLimitConfig(**limits)


async def test_the_limiter_of_the_process_is_one_and_takes_a_later_configuration() -> None:
    limiter = get_rate_limiter()
    try:
        for _ in range(20):
            await limiter.acquire("shared")

        assert get_rate_limiter(RateLimitConfig(**WIDE | {"requests_per_minute": 20})) is limiter
        assert not await passes(limiter, "shared")
    finally:
        limiter.reset()
        limiter.configure(None)


def test_one_event_loop_after_another_and_threads_may_use_a_limiter() -> None:
    limiter = a_limiter(requests_per_minute=5)

    async def use() -> list[bool]:
        return [await passes(limiter) for _ in range(3)]

    async def use_from_threads() -> list[bool]:
        halves = await asyncio.gather(*(asyncio.to_thread(asyncio.run, use()) for _ in range(2)))
        return [passed for half in halves for passed in half]

    assert sum(asyncio.run(use()) + asyncio.run(use_from_threads())) == 5
