"""Functions under a rate limit: what they keep, what they record, and what they give back."""

import asyncio
import inspect

import pytest

from polaris_llm.core.exceptions import RateLimitExceededError
from polaris_llm.core.models import LLMResponse
from polaris_llm.core.rate_limiter import rate_limited
from support.rate_limits import Time, a_limiter

pytestmark = pytest.mark.anyio


async def test_a_limited_function_keeps_name_and_signature_and_records_what_was_used() -> None:
    limiter = a_limiter(tokens_per_minute=100)

    @rate_limited("openai", 60, limiter=limiter)
    async def ask(question: str, *, loud: bool = False) -> LLMResponse:
        """Asks."""
        return LLMResponse(question, "m", {"total_tokens": 5})

    assert (await ask("why", loud=True)).content == "why"
    assert (ask.__name__, ask.__doc__) == ("ask", "Asks.")
    assert list(inspect.signature(ask).parameters) == ["question", "loud"]
    assert limiter.get_stats("openai")["tokens_this_minute"] == 5


@pytest.mark.parametrize("error", [ValueError("broken"), asyncio.CancelledError()])
async def test_a_limited_function_that_fails_gives_its_tokens_back(error: BaseException) -> None:
    limiter = a_limiter(tokens_per_minute=100)

    @rate_limited("openai", 60, limiter=limiter)
    async def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        await fail()

    stats = limiter.get_stats("openai")
    assert (stats["requests_this_minute"], stats["tokens_this_minute"]) == (1, 0)


async def test_a_limited_function_is_refused_or_waits_as_its_decorator_says() -> None:
    time = Time()
    limiter = a_limiter(time, burst_limit=1)

    async def work() -> str:
        return "done"

    hasty, patient = rate_limited("x", limiter=limiter)(work), rate_limited("x", limiter=limiter, wait_s=5)(work)
    await hasty()

    with pytest.raises(RateLimitExceededError):
        await hasty()
    assert await patient() == "done"
    assert time.slept


def test_only_coroutine_functions_can_be_limited() -> None:
    with pytest.raises(TypeError, match="declare it with async def"):
        rate_limited()(lambda: asyncio.sleep(0))
