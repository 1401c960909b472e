"""Streams of clients that need no network: the attempts behind them, the mock's schedule, and answers that are already there."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.client import LLMClient, MockLLMClient
from polaris_llm.core.deltas import StreamEvent, StreamFinished, TextDelta
from polaris_llm.core.exceptions import LLMAPIError, LLMConnectionError, LLMRateLimitError, LLMTimeoutError
from polaris_llm.core.inference import FinishReason, ModelRequest, ModelResponse
from polaris_llm.core.llm_client import PortClient
from polaris_llm.core.models import LLMConfiguration, LLMProvider, LLMRequest, LLMResponse, Message, MessageRole
from polaris_llm.core.parts import TextPart
from polaris_llm.core.providers.attempts import Attempts, RetryPolicy
from polaris_llm.core.providers.exchange import StreamLimits
from polaris_llm.core.providers.mock import MockModel, MockSchedule
from polaris_llm.core.stream_folding import fold
from support.exchanges import server_error
from support.model_requests import CALL, ManualTime, RecordingGate, ScriptedModel, a_request, a_response

pytestmark = pytest.mark.anyio

MOCK = LLMConfiguration(provider=LLMProvider.MOCK, api_endpoint="http://localhost:8000", model_name="a-model")
END = StreamFinished(finish_reason=FinishReason.STOP)


class Streams:
    """Streamed exchanges, each of them what is scripted: events, and errors to raise."""

    def __init__(self, *scripts: list[StreamEvent | Exception]) -> None:
        self.scripts = list(scripts)
        self.limits: list[StreamLimits] = []
        self.calls: list[CallContext] = []
        self.closed = 0

    async def __call__(self, request: ModelRequest, call: CallContext, limits: StreamLimits) -> AsyncGenerator[StreamEvent, None]:
        self.calls.append(call)
        self.limits.append(limits)
        try:
            for event in self.scripts.pop(0):
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.closed += 1


async def whole(request: ModelRequest, call: CallContext, timeout_s: float) -> ModelResponse:
    """An exchange that nobody asks for."""
    raise AssertionError("a stream was asked for")


def attempts(time: ManualTime, gate: RecordingGate | None = None) -> Attempts:
    """Attempts in manual time."""
    return Attempts(whole, RetryPolicy(max_attempts=3, timeout_s=30), gate, time.surroundings)


async def listen(said: list[StreamEvent], events: AsyncGenerator[StreamEvent, None]) -> list[StreamEvent]:
    """All events, written down as they come."""
    async for event in events:
        said.append(event)
    return said


async def test_a_stream_that_fails_before_its_first_event_is_tried_again() -> None:
    streams, gate = Streams([server_error()], [server_error()], [TextDelta(text="Hi"), END]), RecordingGate()

    events = await listen([], attempts(ManualTime(), gate).stream(a_request(), CALL, streams))

    assert fold(events).text == "Hi"
    assert fold(events).attempts == 3
    assert [call.attempt for call in streams.calls] == [1, 2, 3]
    assert [(ticket, type(outcome)) for ticket, outcome in gate.reports] == [(1, LLMAPIError), (2, LLMAPIError), (3, ModelResponse)]


async def test_a_stream_that_fails_after_its_first_event_is_not_tried_again() -> None:
    streams, gate = Streams([TextDelta(text="Hi"), LLMConnectionError("broke off")], [END]), RecordingGate()
    said: list[StreamEvent] = []

    with pytest.raises(LLMConnectionError):
        await listen(said, attempts(ManualTime(), gate).stream(a_request(), CALL, streams))

    assert said == [TextDelta(text="Hi")]
    assert len(streams.scripts) == 1
    assert [type(outcome) for _, outcome in gate.reports] == [LLMConnectionError]


async def test_a_stream_that_is_left_is_closed_and_reported_once() -> None:
    streams, gate = Streams([TextDelta(text="Hi"), TextDelta(text=" there"), END]), RecordingGate()

    async with aclosing(attempts(ManualTime(), gate).stream(a_request(), CALL, streams)) as events:
        await anext(events)

    assert streams.closed == 1
    assert [type(outcome) for _, outcome in gate.reports] == [GeneratorExit]


async def test_a_stream_has_the_calls_time_and_its_pieces_the_policys() -> None:
    streams = Streams([END], [END])

    await listen([], attempts(ManualTime()).stream(a_request(), CallContext(remaining_s=100), streams))
    await listen([], attempts(ManualTime()).stream(a_request(), CallContext(remaining_s=10), streams))

    assert streams.limits == [
        StreamLimits(first_byte_s=30, idle_s=30, total_s=100),
        StreamLimits(first_byte_s=10, idle_s=30, total_s=10),
    ]


def answer(request: ModelRequest) -> ModelResponse:
    """Three words."""
    return a_response("three words long")


async def test_the_mocks_latency_is_spread_over_its_words() -> None:
    time = ManualTime()
    model = MockModel(answer, MockSchedule(latency_s=8), surroundings=time.surroundings)

    arrivals = [time.now async for event in model.stream(a_request(), CALL)]

    assert len(arrivals) >= 4
    assert arrivals == sorted(set(arrivals))
    assert arrivals[-1] - arrivals[0] == pytest.approx(8 * (1 - 1 / len(arrivals)))


async def test_the_mocks_failures_come_before_its_first_word() -> None:
    model = MockModel(answer, MockSchedule(failure_rate=1.0, failures=("rate_limit",)), surroundings=ManualTime().surroundings)
    said: list[StreamEvent] = []

    with pytest.raises(LLMRateLimitError):
        await listen(said, model.stream(a_request(), CALL))

    assert said == []


async def test_a_mock_that_is_too_slow_times_out() -> None:
    time = ManualTime()
    model = MockModel(answer, MockSchedule(latency_s=90), RetryPolicy(max_attempts=1, timeout_s=60), surroundings=time.surroundings)

    with pytest.raises(LLMTimeoutError):
        await listen([], model.stream(a_request(), CALL))


async def test_an_answer_behind_a_port_comes_as_events() -> None:
    response = a_response("Two words.")

    assert fold(await listen([], PortClient(MOCK, ScriptedModel(response)).stream_events(a_request(), CALL))) == response


class FlatOnlyClient(LLMClient):
    """A client as POLARIS writes them."""

    async def generate_response(self, request: LLMRequest) -> LLMResponse:
        """Says what it was asked."""
        return LLMResponse(f"flat {request.messages[-1].content}", request.model_name, {"total_tokens": 3})


async def test_a_client_of_polaris_streams_without_knowing_it() -> None:
    client = FlatOnlyClient(MOCK)

    assert fold(await listen([], client.stream_events(a_request("Hi")))).parts == (TextPart(text="flat Hi"),)
    assert [text async for text in client.generate_stream(LLMRequest([Message(MessageRole.USER, "Hi")], "m"))] == ["flat ", "Hi"]


async def test_a_mocks_stream_can_be_cancelled() -> None:
    client = MockLLMClient(schedule=MockSchedule(latency_s=60))
    task = asyncio.create_task(listen([], client.stream_events(a_request(), CALL)))
    await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
