"""The mock model: scripts, a seeded schedule of latency and failures, and labels on everything."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import LLMAPIError, LLMConfigurationError, LLMConnectionError, LLMRateLimitError, LLMTimeoutError
from polaris_llm.core.inference import ModelRequest, ModelResponse
from polaris_llm.core.providers.attempts import RetryPolicy
from polaris_llm.core.providers.mock import Failure, MockModel, MockSchedule, load_script
from support.model_requests import CALL, ManualTime, RecordingGate, a_request, a_response

pytestmark = pytest.mark.anyio


def echo(request: ModelRequest) -> ModelResponse:
    """A script that says what it was told."""
    return a_response(request.messages[-1].text, model="", metadata={"echo": True})


def model(schedule: MockSchedule | None = None, time: ManualTime | None = None, **policy: Any) -> MockModel:
    return MockModel(echo, schedule, RetryPolicy(**policy), surroundings=(time or ManualTime()).surroundings)


def call(step: int) -> CallContext:
    return CallContext(session_id="session", step=step)


async def test_a_script_answers_and_is_labelled_a_mock() -> None:
    response = await model().respond(a_request("Hi"), CALL)

    assert response.text == "Hi"
    assert (response.model, response.provider, response.metadata) == ("a-model", "mock", {"echo": True, "mock": True})
    assert response.attempts == 1


async def test_a_script_is_found_by_its_import_path() -> None:
    script = load_script("support.mock_scripts:shout")

    assert (await MockModel(script).respond(a_request("hi"), CALL)).text == "HI"


@pytest.mark.parametrize(
    "reference", ["nowhere", "nowhere:f", "support.mock_scripts:nothing", ":f", "json:", "support.mock_scripts:NUMBER"]
)
def test_a_script_that_cannot_be_had_is_named(reference: str) -> None:
    with pytest.raises(LLMConfigurationError) as caught:
        load_script(reference)

    assert repr(reference) in str(caught.value)
    assert caught.value.context["config_key"] == "script"


async def test_a_script_that_returns_something_else_is_told_what_to_return() -> None:
    with pytest.raises(LLMConfigurationError, match="returned a str; return a ModelResponse"):
        await MockModel(lambda request: "text").respond(a_request(), CALL)  # type: ignore[arg-type, return-value]  # the mistake


async def test_latency_is_waited_and_varies_by_the_jitter() -> None:
    time = ManualTime()
    slow = model(MockSchedule(latency_s=2.0, jitter=0.5), time)

    for step in range(50):
        await slow.respond(a_request(), call(step))

    assert all(1.0 <= slept <= 3.0 for slept in time.slept)
    assert len(set(time.slept)) == 50
    assert 1.7 < sum(time.slept) / 50 < 2.3


async def test_a_latency_beyond_the_attempts_limit_is_a_timeout() -> None:
    time = ManualTime()

    with pytest.raises(LLMTimeoutError) as caught:
        await model(MockSchedule(latency_s=9.0), time, timeout_s=4.0, max_attempts=1).respond(a_request(), CALL)

    assert time.slept == [4.0]
    assert caught.value.context["timeout_seconds"] == 4.0


async def test_failures_are_tried_again_like_a_real_providers() -> None:
    time = ManualTime()
    gate = RecordingGate()
    flaky = MockModel(echo, MockSchedule(seed=1, failure_rate=0.5), RetryPolicy(max_attempts=20), gate=gate, surroundings=time.surroundings)

    responses = [await flaky.respond(a_request(), call(step)) for step in range(40)]

    assert sum(response.attempts for response in responses) == len(gate.reports) > 50
    assert len(time.slept) == len(gate.reports) - 40


@pytest.mark.parametrize(
    ("failure", "kind", "status"),
    [
        ("rate_limit", LLMRateLimitError, 429),
        ("server_error", LLMAPIError, 500),
        ("timeout", LLMTimeoutError, None),
        ("connection", LLMConnectionError, None),
    ],
)
async def test_each_failure_is_its_own_error(failure: Failure, kind: type[LLMAPIError], status: int | None) -> None:
    failing = model(MockSchedule(failure_rate=1.0, failures=(failure,)), max_attempts=2)

    with pytest.raises(kind) as caught:
        await failing.respond(a_request(), CALL)

    assert (type(caught.value), caught.value.status_code, caught.value.retryable) == (kind, status, True)
    assert caught.value.context["attempts"] == 2


def test_the_same_seed_and_call_have_the_same_fate_and_others_another() -> None:
    one, same, other = (
        MockSchedule(seed=1, latency_s=1, jitter=1),
        MockSchedule(seed=1, latency_s=1, jitter=1),
        MockSchedule(seed=2, latency_s=1, jitter=1),
    )
    fates = [one.fate(call(step)) for step in range(20)]

    assert fates == [same.fate(call(step)) for step in range(20)]
    assert not set(fates) & {other.fate(call(step)) for step in range(20)}
    assert one.fate(call(1)) != one.fate(CallContext(session_id="session", step=1, attempt=2))


async def test_calls_of_no_session_have_their_order_for_a_place() -> None:
    async def latencies() -> list[float]:
        time = ManualTime()
        slow = model(MockSchedule(seed=3, latency_s=1.0, jitter=1.0), time)
        for _ in range(5):
            await slow.respond(a_request(), CallContext())
        return time.slept

    first, second = await latencies(), await latencies()

    assert first == second
    assert len(set(first)) == 5


async def test_the_order_of_calls_does_not_change_their_fates() -> None:
    schedule = MockSchedule(seed=5, latency_s=1.0, jitter=1.0)

    async def latency(of: MockModel, time: ManualTime, step: int) -> float:
        await of.respond(a_request(), call(step))
        return time.slept[-1]

    forth, back = ManualTime(), ManualTime()
    there = {step: await latency(model(schedule, forth), forth, step) for step in (1, 2, 3)}
    again = {step: await latency(model(schedule, back), back, step) for step in (3, 2, 1)}

    assert there == again


@given(st.integers(), st.floats(0, 1))
def test_about_as_many_attempts_fail_as_the_rate_says(seed: int, rate: float) -> None:
    schedule = MockSchedule(seed=seed, failure_rate=rate)

    failed = Counter(schedule.fate(call(step)).failure for step in range(400))

    assert abs((400 - failed[None]) / 400 - rate) < 0.15


async def test_a_mock_can_be_cancelled_while_it_waits() -> None:
    task = asyncio.create_task(MockModel(echo, MockSchedule(latency_s=60)).respond(a_request(), CALL))
    await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
