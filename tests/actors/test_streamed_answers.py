"""A runtime's clients stream: pieces come as the model gives them, through the provider's actor and past the cache."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import anyio
import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.deltas import StreamEvent, StreamFinished, TextDelta
from polaris_llm.core.exceptions import OutcomeUnknownError
from polaris_llm.core.stream_folding import fold
from support.model_requests import CALL, a_request
from support.runtime_access import kill, names_of, started
from support.runtime_tools import DEADLINE_S

pytestmark = pytest.mark.anyio

WORDS = "one two three four five six seven eight"


def slow() -> LLMRuntime:
    """A runtime whose model takes its time for each word."""
    return started(llm={"latency_s": 0.4})


def said(runtime: LLMRuntime, text: str = WORDS) -> AsyncGenerator[StreamEvent, None]:
    return runtime.client().stream_events(a_request(text), CALL)


async def all_of(events: AsyncGenerator[StreamEvent, None]) -> list[StreamEvent]:
    with anyio.fail_after(DEADLINE_S):
        return [event async for event in events]


async def until_no_stream_is_open(runtime: LLMRuntime) -> None:
    with anyio.fail_after(DEADLINE_S):
        while (await runtime.ahealth())["actors"][names_of(runtime).provider("default")]["streams"]:
            await asyncio.sleep(0.01)


async def test_pieces_come_while_the_model_goes_on() -> None:
    with slow() as runtime:
        times = []
        async with aclosing(said(runtime)) as events:
            async for event in events:
                times.append(time.monotonic())
                last = event

        assert isinstance(last, StreamFinished)
        assert times[-1] - times[0] > 0.1
        await until_no_stream_is_open(runtime)


async def test_a_streamed_answer_is_the_answer() -> None:
    with started() as runtime:
        streamed = fold(await all_of(said(runtime)))

        assert streamed.text == f"heard: {WORDS}"
        assert (streamed.cached, streamed.usage.output_tokens) == (False, 5)


async def test_a_streamed_answer_is_kept_for_all_who_ask_the_same() -> None:
    with started() as runtime:
        first = fold(await all_of(said(runtime)))
        whole = await runtime.client().respond(a_request(WORDS), CALL)
        again = fold(await all_of(said(runtime)))

        assert (first.cached, whole.cached, again.cached) == (False, True, True)
        assert first.text == whole.text == again.text


async def test_leaving_early_closes_the_stream_at_the_provider() -> None:
    with started(llm={"latency_s": 30.0}) as runtime:
        async with aclosing(said(runtime)) as events:
            with anyio.fail_after(DEADLINE_S):
                assert isinstance(await anext(events), TextDelta)

        await until_no_stream_is_open(runtime)


async def test_a_provider_that_dies_ends_its_streams_with_an_error() -> None:
    with started(llm={"latency_s": 30.0}) as runtime:
        events = said(runtime)
        with anyio.fail_after(DEADLINE_S):
            await anext(events)

        await asyncio.to_thread(kill, runtime, names_of(runtime).provider("default"))

        with pytest.raises(OutcomeUnknownError):
            await all_of(events)


async def test_without_a_cache_answers_stream_too() -> None:
    with started(caching={"enabled": False}) as runtime:
        assert fold(await all_of(said(runtime))).text == f"heard: {WORDS}"
