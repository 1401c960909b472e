"""Streams that fail: what the error says, how much had arrived, and whether the call was made again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import anyio
import pytest

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.client import HttpOptions, LLMClient
from polaris_llm.core.deltas import StreamEvent, StreamRestarted, TextDelta
from polaris_llm.core.exceptions import (
    DeadlineExceededError,
    LLMAPIError,
    LLMConnectionError,
    LLMTimeoutError,
)
from polaris_llm.core.flat import flat_request
from polaris_llm.core.providers.exchange import StreamLimits
from polaris_llm.core.providers.transport import HttpTransport, TransportSettings
from polaris_llm.core.stream_folding import fold
from support.http_calls import call_to
from support.model_requests import CALL, a_request
from support.openai_clients import openai_client
from support.openai_server import (
    DONE,
    END,
    FINISH,
    OpenAIServer,
    Reply,
    chunk,
    held_after,
    sse,
    stream_head,
    streamed,
    texts,
)

pytestmark = pytest.mark.anyio

HELLO = streamed(texts("Hello."), FINISH, DONE)


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[LLMClient]:
    async with openai_client(server, max_retries=2) as client:
        yield client


def cut_after(*pieces: bytes) -> Reply:
    """A stream whose connection is cut after some pieces."""
    return Reply(data=stream_head() + b"".join(map(chunk, pieces)), cut=True)


async def events_of(client: LLMClient, call: CallContext = CALL, **wishes: Any) -> list[StreamEvent]:  # ModelRequest's fields
    """All events of a request's stream."""
    with anyio.fail_after(20):
        return [event async for event in client.stream_events(a_request(**wishes), call)]


async def seen_until(error: type[Exception], client: LLMClient) -> tuple[str, str]:
    """The text that came before an error, and the error's message."""
    said: list[str] = []

    async def listen() -> None:
        async for event in client.stream_events(a_request(), CALL):
            said.extend([event.text] if isinstance(event, TextDelta) else [])

    with anyio.fail_after(20), pytest.raises(error) as raised:
        await listen()
    return "".join(said), str(raised.value)


@pytest.mark.parametrize(
    "reply",
    [
        cut_after(texts("Hello")),
        cut_after(texts("Hello"), texts("half")[:-20]),
        cut_after(texts("Hello"), "data: ü".encode()[:-1]),
        streamed(texts("Hello")),
        Reply(data=stream_head() + b"%x\r\n" % 1000 + texts("Hello"), cut=True),
    ],
    ids=["between events", "in an event", "in a character", "in good order", "in a chunk"],
)
async def test_a_stream_that_breaks_off_says_how_much_had_arrived(server: OpenAIServer, client: LLMClient, reply: Reply) -> None:
    server.will(reply)

    text, message = await seen_until(LLMConnectionError, client)

    assert text == "Hello"
    assert "broke off" in message
    assert message.endswith("5 characters of text, 0 of reasoning, 0 tool calls had arrived")
    assert len(server.seen) == 1  # what was seen is not said again


@pytest.mark.parametrize("reply", [cut_after(), streamed(), cut_after(b": hello\n\n"), Reply(data=b"", cut=True)])
async def test_a_stream_that_breaks_off_before_it_begins_is_asked_for_again(server: OpenAIServer, client: LLMClient, reply: Reply) -> None:
    server.will(reply, HELLO)

    response = fold(await events_of(client))

    assert (response.text, response.attempts) == ("Hello.", 2)


async def test_a_stream_that_breaks_off_begins_anew_where_that_is_asked_for(server: OpenAIServer, client: LLMClient) -> None:
    server.will(cut_after(texts("Hel")), HELLO)

    events = await events_of(client, restarts_stream=True)

    [place] = [place for place, event in enumerate(events) if isinstance(event, StreamRestarted)]
    assert [event.text for event in events[:place] if isinstance(event, TextDelta)] == ["Hel"]
    assert (fold(events).text, fold(events).attempts) == ("Hello.", 2)


async def test_a_stream_begins_anew_no_more_often_than_other_calls_are_tried(server: OpenAIServer, client: LLMClient) -> None:
    server.will(*[cut_after(texts("Hel"))] * 5)

    with pytest.raises(LLMConnectionError, match="broke off"):
        await events_of(client, restarts_stream=True)

    assert len(server.seen) == 3


async def test_text_alone_is_never_said_twice(server: OpenAIServer, client: LLMClient) -> None:
    server.will(cut_after(texts("Hel")), HELLO)
    request = replace(flat_request(a_request()), options={"restarts_stream": True})

    with anyio.fail_after(20), pytest.raises(LLMConnectionError):
        [piece async for piece in client.generate_stream(request)]

    assert len(server.seen) == 1


async def test_a_connection_that_breaks_after_the_answer_is_whole_does_no_harm(server: OpenAIServer, client: LLMClient) -> None:
    server.will(cut_after(texts("Hello."), FINISH))

    assert fold(await events_of(client)).text == "Hello."


async def test_an_error_in_the_stream_says_how_much_had_arrived(server: OpenAIServer, client: LLMClient) -> None:
    server.will(streamed(texts("Hello"), sse({"error": {"message": "out of memory", "code": 500}})))

    text, message = await seen_until(LLMAPIError, client)

    assert text == "Hello"
    assert "out of memory" in message
    assert message.endswith("5 characters of text, 0 of reasoning, 0 tool calls had arrived")
    assert len(server.seen) == 1


async def test_an_error_that_is_the_streams_first_event_is_tried_again(server: OpenAIServer, client: LLMClient) -> None:
    server.will(streamed(sse({"error": {"message": "overloaded", "code": 503}})), HELLO)

    assert fold(await events_of(client)).attempts == 2


@pytest.mark.parametrize("data", [b"HTTP", stream_head()], ids=["no head", "no body"])
async def test_a_slow_first_byte_is_told(server: OpenAIServer, data: bytes) -> None:
    server.will(Reply(data=data, hold=asyncio.Event(), rest=END))

    async with openai_client(server, timeout=1.0, max_retries=0) as client:
        text, message = await seen_until(LLMTimeoutError, client)

    assert text == ""
    assert "no first byte within 1 s" in message
    assert "first_byte timeout" in message


async def test_a_stall_is_told_from_a_slow_first_byte(server: OpenAIServer) -> None:
    server.will(held_after(texts("Hello")))

    async with openai_client(server, timeout=1.0) as client:
        text, message = await seen_until(LLMTimeoutError, client)

    assert text == "Hello"
    assert "no further byte within 1 s" in message
    assert "idle timeout" in message
    assert "5 characters of text" in message
    assert len(server.seen) == 1
    with anyio.fail_after(1):
        await server.left.wait()


async def test_the_transports_read_timeout_bounds_a_stall(server: OpenAIServer) -> None:
    server.will(held_after(texts("Hello")))
    options = HttpOptions(transport=HttpTransport(TransportSettings(read_timeout_s=0.1)))

    async with openai_client(server, options, timeout=60) as client:
        _, message = await seen_until(LLMTimeoutError, client)

    assert "no further byte within 0.1 s" in message


async def test_the_calls_remaining_time_bounds_the_whole_stream(server: OpenAIServer, client: LLMClient) -> None:
    server.will(held_after(texts("Hello")))

    with pytest.raises(LLMTimeoutError, match="no complete answer within") as raised:
        await events_of(client, CallContext(remaining_s=0.5))

    assert raised.value.context["phase"] == "total"


async def test_no_time_is_no_attempt(server: OpenAIServer, client: LLMClient) -> None:
    with pytest.raises(DeadlineExceededError):
        await events_of(client, CallContext(remaining_s=0.0))

    assert server.seen == []


async def test_a_stream_beyond_the_bound_is_stopped(server: OpenAIServer) -> None:
    server.will(streamed(*[texts("x" * 1000)] * 100, FINISH, DONE))
    options = HttpOptions(transport=HttpTransport(TransportSettings(max_reply_bytes=50_000)))

    async with openai_client(server, options) as client:
        text, message = await seen_until(LLMAPIError, client)

    assert 0 < len(text) < 50_000
    assert "max_reply_bytes=50000" in message


async def test_nobody_listening_is_a_connection_error(server: OpenAIServer) -> None:
    async with openai_client(server, api_endpoint="http://127.0.0.1:1/v1", max_retries=0) as client:
        with pytest.raises(LLMConnectionError, match="could not be reached"):
            await events_of(client)


async def test_the_transport_hands_out_bytes_as_they_come(server: OpenAIServer) -> None:
    server.will(held_after(b"one"))
    transport = HttpTransport()

    with anyio.fail_after(5):
        async with transport.stream(call_to(server.url), StreamLimits(first_byte_s=5, idle_s=5)) as reply, aclosing(reply.chunks) as chunks:
            assert (reply.head.status, reply.head.body, await anext(chunks)) == (200, b"", b"one")
        await server.left.wait()
    await transport.close()
