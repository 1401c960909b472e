"""Streams that are left, by the caller or at their end: the connection is kept or closed at once."""

import asyncio
from collections.abc import AsyncIterator

import anyio
import pytest

from polaris_llm.core.client import LLMClient
from polaris_llm.core.deltas import StreamEvent, StreamFinished
from polaris_llm.core.stream_folding import fold
from support.model_requests import CALL, a_request
from support.openai_clients import flat, openai_client
from support.openai_server import DONE, FINISH, OpenAIServer, held_after, texts

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[LLMClient]:
    async with openai_client(server) as client:
        yield client


async def events_of(client: LLMClient) -> list[StreamEvent]:
    """All events of a request's stream."""
    with anyio.fail_after(10):
        return [event async for event in client.stream_events(a_request(), CALL)]


async def test_an_end_that_comes_a_little_late_keeps_the_connection(server: OpenAIServer, client: LLMClient) -> None:
    late = asyncio.Event()
    server.will(held_after(texts("Hello.") + FINISH + DONE, hold=late))

    async for event in client.stream_events(a_request(), CALL):
        if isinstance(event, StreamFinished):
            late.set()
    await events_of(client)

    assert server.connections == 1


async def test_a_server_that_goes_on_after_the_last_event_is_left(server: OpenAIServer, client: LLMClient) -> None:
    server.will(held_after(texts("Hello.") + FINISH + DONE))

    assert fold(await events_of(client)).text == "Hello."

    with anyio.fail_after(1):
        await server.left.wait()


async def test_a_break_closes_the_connection(server: OpenAIServer, client: LLMClient) -> None:
    server.will(held_after(texts("Hel")))

    async for _ in client.stream_events(a_request(), CALL):
        break

    with anyio.fail_after(1):
        await server.left.wait()


async def test_a_break_out_of_the_text_closes_the_connection(server: OpenAIServer, client: LLMClient) -> None:
    server.will(held_after(texts("Hel")))

    async for _ in client.generate_stream(flat()):
        break

    with anyio.fail_after(1):
        await server.left.wait()


async def test_closing_the_stream_closes_the_connection_at_once(server: OpenAIServer, client: LLMClient) -> None:
    server.will(held_after(texts("Hel")))
    stream = client.stream_events(a_request(), CALL)
    await anext(stream)

    await stream.aclose()

    with anyio.fail_after(1):
        await server.left.wait()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


@pytest.mark.parametrize("said", [b"", texts("Hel")])
async def test_cancelling_closes_the_connection(server: OpenAIServer, client: LLMClient, said: bytes) -> None:
    server.will(held_after(*([said] if said else [])))
    task = asyncio.create_task(events_of(client))
    with anyio.fail_after(5):
        await server.arrived.wait()

    task.cancel()

    with anyio.fail_after(1):
        await server.left.wait()
    with pytest.raises(asyncio.CancelledError):
        await task
