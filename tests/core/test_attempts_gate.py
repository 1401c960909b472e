"""What the gate of the retry loop learns, also of cancelled calls; and the loop's bounds, whatever happens."""

import asyncio

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import LLMAPIError, RateLimitExceededError
from polaris_llm.core.inference import ModelRequest, ModelResponse
from polaris_llm.core.providers.attempts import Attempts, RetryPolicy
from support.exchanges import Exchanges, attempts, server_error
from support.model_requests import CALL, ManualTime, RecordingGate, a_request

pytestmark = pytest.mark.anyio

POLICY = RetryPolicy(max_attempts=4, timeout_s=30, base_delay_s=1, max_delay_s=60)
FAILURES = st.lists(st.sampled_from([500, 429, 400]), max_size=8)


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
