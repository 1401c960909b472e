"""The one retry loop: when it goes on, how long it waits, when it gives up, and what the gate learns."""

import asyncio

import pytest

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import (
    DeadlineExceededError,
    LLMAPIError,
    LLMConnectionError,
    LLMIntegrationError,
    LLMRateLimitError,
    LLMResponseParsingError,
    LLMTimeoutError,
)
from support.exchanges import Exchanges, attempts, server_error
from support.model_requests import CALL, ManualTime, a_request

pytestmark = pytest.mark.anyio


async def test_a_first_success_waits_for_nothing() -> None:
    time = ManualTime()

    response = await attempts(Exchanges(time=time, seconds=2), time).run(a_request(), CALL)

    assert (response.attempts, response.latency_s, time.slept) == (1, 2.0, [])


@pytest.mark.parametrize(
    "error",
    [LLMConnectionError("x"), LLMTimeoutError("x"), LLMRateLimitError("x"), server_error(), LLMAPIError("x", status_code=408)],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_that_may_pass_is_tried_again(error: LLMIntegrationError) -> None:
    time = ManualTime()

    response = await attempts(Exchanges(error, time=time), time).run(a_request(), CALL)

    assert (response.attempts, response.latency_s, time.slept) == (2, 1.0, [1.0])


@pytest.mark.parametrize(
    "error", [LLMAPIError("x", status_code=400), LLMResponseParsingError("x"), ZeroDivisionError()], ids=lambda error: type(error).__name__
)
async def test_an_error_that_stays_is_raised_at_once(error: Exception) -> None:
    time = ManualTime()
    exchange = Exchanges(error)

    with pytest.raises(type(error)) as caught:
        await attempts(exchange, time).run(a_request(), CALL)

    assert caught.value is error
    assert len(exchange.calls) == 1


async def test_an_error_that_stays_ends_the_attempts_also_later() -> None:
    exchange = Exchanges(server_error(), LLMAPIError("refused", status_code=400))

    with pytest.raises(LLMAPIError, match="refused") as caught:
        await attempts(exchange, ManualTime()).run(a_request(), CALL)

    assert caught.value.context["attempts"] == 2


async def test_waits_double_up_to_the_longest() -> None:
    time = ManualTime()

    await attempts(Exchanges(*[server_error()] * 5), time, max_attempts=6, base_delay_s=2.0, max_delay_s=10.0).run(a_request(), CALL)

    assert time.slept == [2.0, 4.0, 8.0, 10.0, 10.0]


async def test_chance_shortens_a_wait_anywhere_down_to_nothing() -> None:
    time = ManualTime(chance=0.25)

    await attempts(Exchanges(*[server_error()] * 3), time).run(a_request(), CALL)

    assert time.slept == [0.25, 0.5, 1.0]


async def test_a_wait_that_the_provider_names_is_kept_to() -> None:
    time = ManualTime(chance=0.1)

    await attempts(Exchanges(LLMRateLimitError("x", retry_after=18.0), server_error(retry_after=0.0)), time).run(a_request(), CALL)

    assert time.slept == [18.0, 0.0]


async def test_a_provider_that_wants_more_patience_than_there_is_is_not_asked_again() -> None:
    time = ManualTime()

    with pytest.raises(LLMRateLimitError):
        await attempts(Exchanges(LLMRateLimitError("x", retry_after=3600.0)), time).run(a_request(), CALL)

    assert time.slept == []


async def test_the_last_error_is_raised_when_the_attempts_are_used_up() -> None:
    last = LLMTimeoutError("the last")
    exchange = Exchanges(server_error(), LLMRateLimitError("x"), server_error(), last)

    with pytest.raises(LLMTimeoutError) as caught:
        await attempts(exchange, ManualTime()).run(a_request(), CALL)

    assert caught.value is last
    assert caught.value.context["attempts"] == 4
    assert len(exchange.calls) == 4


async def test_no_wait_goes_beyond_the_calls_deadline() -> None:
    time = ManualTime()
    exchange = Exchanges(*[server_error()] * 3, time=time, seconds=1.0)

    with pytest.raises(LLMAPIError):
        await attempts(exchange, time).run(a_request(), CallContext(remaining_s=4.5))

    assert time.slept == [1.0]
    assert time.now <= 1004.5


async def test_an_attempt_gets_no_more_time_than_the_call_has_left() -> None:
    time = ManualTime()
    exchange = Exchanges(server_error(), time=time, seconds=3.0)

    await attempts(exchange, time).run(a_request(), CallContext(remaining_s=10.0))

    assert exchange.timeouts == [10.0, 6.0]


async def test_an_attempt_gets_no_more_time_than_the_policy_gives() -> None:
    exchange = Exchanges()

    await attempts(exchange, ManualTime(), timeout_s=5.0).run(a_request(), CallContext(remaining_s=10.0))

    assert exchange.timeouts == [5.0]


async def test_a_call_without_time_left_is_not_made() -> None:
    exchange = Exchanges()

    with pytest.raises(DeadlineExceededError, match="'a-model'"):
        await attempts(exchange, ManualTime()).run(a_request(), CallContext(remaining_s=-1.0))

    assert exchange.calls == []


async def test_each_attempt_knows_its_number_and_the_time_left() -> None:
    time = ManualTime()
    exchange = Exchanges(server_error(), server_error())

    await attempts(exchange, time).run(a_request(), CallContext(attempt=2, remaining_s=10.0))

    assert [(call.attempt, call.remaining_s) for call in exchange.calls] == [(2, 10.0), (3, 9.0), (4, 7.0)]


async def test_calls_that_retry_at_once_do_not_mix() -> None:
    time = ManualTime()
    exchanges = [Exchanges(*[server_error()] * failures) for failures in range(4)]

    responses = await asyncio.gather(*(attempts(exchange, time).run(a_request(), CALL) for exchange in exchanges))

    assert [response.attempts for response in responses] == [1, 2, 3, 4]
