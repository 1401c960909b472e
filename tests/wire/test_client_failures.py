"""Clients end to end against a local server: what the faults of real servers come to."""

import asyncio
from collections.abc import AsyncIterator

import anyio
import pytest

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.client import HttpOptions, LLMClient
from polaris_llm.core.deltas import StreamFinished
from polaris_llm.core.exceptions import (
    DeadlineExceededError,
    LLMAPIError,
    LLMResponseParsingError,
    LLMTimeoutError,
)
from polaris_llm.core.providers.rate_limits import RateLimit, RateLimits
from support.model_requests import CALL, RecordingGate, a_request
from support.openai_clients import openai_client
from support.openai_server import EVENT_STREAM, FINISH, OpenAIServer, Reply, as_json, completion, http, streamed, texts

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[LLMClient]:
    async with openai_client(server) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "why"),
    [(b"", "is no JSON"), (b"<html>Welcome</html>", "is no JSON"), (b"[]", "is no JSON object"), (b'{"choices": []}', "has no choices")],
)
async def test_an_unreadable_answer_is_a_parsing_error(server: OpenAIServer, client: LLMClient, body: bytes, why: str) -> None:
    server.will(http(200, body, {"content-type": "text/html"}))

    with pytest.raises(LLMResponseParsingError, match=why) as caught:
        await client.respond(a_request(), CALL)

    assert caught.value.context["provider"] == "openai"
    assert len(server.seen) == 1


async def test_a_cut_connection_is_retried(server: OpenAIServer, client: LLMClient) -> None:
    server.will(Reply(data=b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", cut=True))

    assert (await client.respond(a_request(), CALL)).attempts == 2


async def test_a_call_does_not_outlive_its_deadline(server: OpenAIServer, client: LLMClient) -> None:
    server.will(Reply(data=b"", hold=asyncio.Event()))

    with anyio.fail_after(5), pytest.raises(LLMTimeoutError):
        await client.respond(a_request(), CallContext(remaining_s=0.05))


async def test_a_call_without_time_left_is_not_made(server: OpenAIServer, client: LLMClient) -> None:
    with pytest.raises(DeadlineExceededError):
        await client.respond(a_request(), CallContext(remaining_s=0.0))

    assert server.seen == []


async def test_a_cancelled_call_is_reported_to_the_gate(server: OpenAIServer) -> None:
    gate = RecordingGate()
    server.will(Reply(data=b"", hold=asyncio.Event()))
    async with openai_client(server, HttpOptions(gate=gate)) as client:
        task = asyncio.create_task(client.respond(a_request(), CALL))
        with anyio.fail_after(5):
            await server.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert [(ticket, type(outcome)) for ticket, outcome in gate.reports] == [(1, asyncio.CancelledError)]


async def test_what_headers_say_of_rate_limits_comes_with_the_answer_and_with_the_error(server: OpenAIServer) -> None:
    headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59"}
    server.will(
        as_json(200, completion(), headers), streamed(texts("Hi"), FINISH, headers={**EVENT_STREAM, **headers}), http(400, b"", headers)
    )
    async with openai_client(server) as client:
        response = await client.respond(a_request(), CALL)
        *_, end = [event async for event in client.stream_events(a_request(), CALL)]
        with pytest.raises(LLMAPIError) as caught:
            await client.respond(a_request(), CALL)

    assert isinstance(end, StreamFinished)
    told = [RateLimits.of(each) for each in (response.metadata, end.metadata, caught.value.context)]
    assert told == [RateLimits(limits=(RateLimit(name="requests", limit=60, remaining=59),))] * 3
