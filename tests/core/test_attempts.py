"""The one retry loop: when it goes on, how long it waits, when it gives up, and what the gate learns."""

import asyncio
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import (
    DeadlineExceededError,
    LLMAPIError,
    LLMConnectionError,
    LLMIntegrationError,
    LLMRateLimitError,
    LLMResponseParsingError,
    LLMTimeoutError,
    RateLimitExceededError,
)
from polaris_llm.core.inference import ModelRequest, ModelResponse
from polaris_llm.core.providers.attempts import Attempts, RetryPolicy
from support.model_requests import CALL, ManualTime, RecordingGate, a_request, a_response

pytestmark = pytest.mark.anyio

POLICY = RetryPolicy(max_attempts=4, timeout_s=30, base_delay_s=1, max_delay_s=60)


class Exchanges:
    """An exchange that fails as scripted, then answers; each takes `seconds`."""

    def __init__(self, *errors: Exception, time: ManualTime | None = None, seconds: float = 0.0) -> None:
        self.errors = list(errors)
        self.calls: list[CallContext] = []
        self.timeouts: list[float] = []
        self._time = time
        self._seconds = seconds

    async def __call__(self, request: ModelRequest, call: CallContext, timeout_s: float) -> ModelResponse:
        self.calls.append(call)
        self.timeouts.append(timeout_s)
        if self._time is not None:
            self._time.now += self._seconds
        if self.errors:
            raise self.errors.pop(0)
        return a_response()


def attempts(exchange: Exchanges, time: ManualTime, gate: RecordingGate | None = None, **policy: Any) -> Attempts:
    return Attempts(exchange, RetryPolicy(**{"max_attempts": 4, "timeout_s": 30.0} | policy), gate, time.surroundings)


def server_error(**rest: Any) -> LLMAPIError:
    return LLMAPIError("broken", status_code=500, **rest)


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


async def test_the_gate_admits_and_learns_of_every_attempt() -> None:
    gate = RecordingGate()
    error = server_error()

    response = await attempts(Exchanges(error), ManualTime(), gate).run(a_request(), CALL)

    assert [call.attempt for call in gate.admitted] == [1, 2]
    assert gate.reports[0] == (1, error)
    assert gate.reports[1][0] == 2
    assert isinstance(gate.reports[1][1], ModelResponse)
    assert response.attempts == 2


async def test_a_gates_refusal_is_waited_out_like_a_providers() -> None:
    time = ManualTime()
    gate = RecordingGate(RateLimitExceededError("too many", 7.0, "requests_per_minute"))

    response = await attempts(Exchanges(), time, gate).run(a_request(), CALL)

    assert (response.attempts, time.slept, len(gate.reports)) == (2, [7.0], 1)


async def test_a_cancelled_attempt_is_reported_and_not_tried_again() -> None:
    gate = RecordingGate()
    started = asyncio.Event()

    async def hang(request: ModelRequest, call: CallContext, timeout_s: float) -> ModelResponse:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(Attempts(hang, POLICY, gate).run(a_request(), CALL))
    with anyio.fail_after(5):
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert [(ticket, type(outcome)) for ticket, outcome in gate.reports] == [(1, asyncio.CancelledError)]


async def test_a_call_can_be_cancelled_while_it_waits() -> None:
    waiting = asyncio.Event()
    time = ManualTime()
    gate = RecordingGate()

    async def wait(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    time.sleep = wait  # type: ignore[method-assign]  # a sleep that never ends
    task = asyncio.create_task(attempts(Exchanges(server_error()), time, gate).run(a_request(), CALL))
    with anyio.fail_after(5):
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert len(gate.reports) == 1


async def test_calls_that_retry_at_once_do_not_mix() -> None:
    time = ManualTime()
    exchanges = [Exchanges(*[server_error()] * failures) for failures in range(4)]

    responses = await asyncio.gather(*(attempts(exchange, time).run(a_request(), CALL) for exchange in exchanges))

    assert [response.attempts for response in responses] == [1, 2, 3, 4]


FAILURES = st.lists(st.sampled_from([500, 429, 400]), max_size=8)


@given(FAILURES, st.integers(1, 6), st.none() | st.floats(0.1, 200), st.floats(0, 1))
def test_no_more_attempts_than_allowed_and_none_after_the_deadline(
    statuses: list[int], most: int, remaining_s: float | None, chance: float
) -> None:
    time = ManualTime(chance=chance)
    gate = RecordingGate()
    exchange = Exchanges(*(LLMAPIError("x", status_code=status) for status in statuses), time=time, seconds=0.5)
    loop = attempts(exchange, time, gate, max_attempts=most)

    async def call() -> ModelResponse | LLMAPIError:
        try:
            return await loop.run(a_request(), CallContext(remaining_s=remaining_s))
        except LLMAPIError as error:
            return error

    outcome = asyncio.run(call())

    assert 1 <= len(exchange.calls) <= most
    assert len(gate.reports) == len(gate.admitted) == len(exchange.calls)
    assert remaining_s is None or time.now - 1000 <= remaining_s + 0.5
    made = outcome.attempts if isinstance(outcome, ModelResponse) else outcome.context["attempts"]
    assert made == len(exchange.calls)
