"""The transport against a server of bytes: a typed error for every way an exchange can go wrong."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import replace

import anyio
import pytest

from polaris_llm.core.exceptions import LLMAPIError, LLMConfigurationError, LLMConnectionError, LLMTimeoutError
from polaris_llm.core.providers.transport import HttpTransport, TransportSettings
from support.full_listener import FullListener
from support.http_calls import KEY, call_to
from support.openai_server import OpenAIServer, Reply, http

pytestmark = pytest.mark.anyio


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport()
    yield transport
    await transport.close()


def held() -> asyncio.Event:
    """An event that nobody sets: the server never goes on."""
    return asyncio.Event()


async def test_an_answer_beyond_the_bound_is_refused_however_it_is_packed(server: OpenAIServer) -> None:
    server.will(http(200, gzip.compress(b"x" * 1_000_000), {"content-encoding": "gzip"}))
    transport = HttpTransport(TransportSettings(max_reply_bytes=100_000))

    with pytest.raises(LLMAPIError, match="larger than max_reply_bytes=100000") as caught:
        await transport.send(call_to(server.url), 5)
    await transport.close()

    assert not caught.value.retryable


async def test_a_slow_first_byte_is_a_total_timeout(server: OpenAIServer, transport: HttpTransport) -> None:
    server.will(Reply(data=b"HTTP/1.1 200 OK\r\n\r\n", hold=held()))

    with pytest.raises(LLMTimeoutError, match=r"no complete answer within 0\.05 s") as caught:
        await transport.send(call_to(server.url), 0.05)

    assert caught.value.context["phase"] == "total"
    assert caught.value.context["timeout_seconds"] == 0.05
    assert caught.value.retryable


HTTP = pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])


@HTTP
async def test_an_answer_that_stops_half_way_is_a_read_timeout(server: OpenAIServer, http2: bool) -> None:
    server.will(Reply(data=b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", hold=held(), rest=b"other"))
    transport = HttpTransport(TransportSettings(read_timeout_s=0.05, http2=http2))

    with pytest.raises(LLMTimeoutError, match="no further byte") as caught:
        await transport.send(call_to(server.url), 5)
    await transport.close()

    assert caught.value.phase == "read"


@HTTP
async def test_a_host_that_does_not_answer_the_door_is_a_connect_timeout(http2: bool) -> None:
    # a listener whose queue is full drops what knocks: Linux then repeats the first packet until the caller gives up
    async with FullListener() as url:
        transport = HttpTransport(TransportSettings(connect_timeout_s=0.1, http2=http2))

        with pytest.raises(LLMTimeoutError, match="no connection") as caught:
            await transport.send(call_to(url), 5)
        await transport.close()

    assert caught.value.phase == "connect"


async def test_a_refused_connection_is_a_connection_error(transport: HttpTransport) -> None:
    async with OpenAIServer() as gone:
        url = gone.url

    with pytest.raises(LLMConnectionError, match="could not be reached") as caught:
        await transport.send(call_to(url), 5)

    assert caught.value.retryable
    assert caught.value.context["api_endpoint"] == url


@pytest.mark.parametrize(
    "data",
    [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly so much", b"this is not HTTP\r\n\r\n"],
    ids=["no answer", "cut in the body", "no HTTP"],
)
async def test_a_broken_answer_is_a_connection_error(server: OpenAIServer, transport: HttpTransport, data: bytes) -> None:
    server.will(Reply(data=data, cut=True))

    with pytest.raises(LLMConnectionError) as caught:
        await transport.send(call_to(server.url), 5)

    assert caught.value.retryable


async def test_a_server_that_speaks_no_tls_is_not_tried_again(transport: HttpTransport) -> None:
    async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak_plainly, "127.0.0.1", 0) as plain:
        host, port = plain.sockets[0].getsockname()

        with pytest.raises(LLMConnectionError) as caught:
            await transport.send(call_to(f"https://{host}:{port}/v1"), 5)

    assert not caught.value.retryable


async def test_errors_tell_neither_key_nor_query_nor_password(transport: HttpTransport) -> None:
    async with OpenAIServer() as gone:
        url = gone.url.replace("http://", "http://user:password@") + f"/chat?key={KEY}"

    with pytest.raises(LLMConnectionError) as caught:
        await transport.send(replace(call_to(url), headers={}), 5)

    told = f"{caught.value!r} {caught.value} {caught.value.to_dict()} {caught.value.__cause__!r}"
    assert not any(secret in told for secret in (KEY, "password", "key="))


async def test_an_answer_that_is_no_http_does_not_tell_the_query(server: OpenAIServer, transport: HttpTransport) -> None:
    server.will(Reply(data=b"this is not HTTP\r\n\r\n", cut=True))

    with pytest.raises(LLMConnectionError) as caught:
        await transport.send(call_to(f"{server.url}?token=hidden"), 5)

    assert "hidden" not in f"{caught.value} {caught.value.to_dict()}"


async def test_a_key_and_a_password_together_are_a_configuration_error(server: OpenAIServer, transport: HttpTransport) -> None:
    with pytest.raises(LLMConfigurationError, match="Cannot combine") as caught:
        await transport.send(call_to(server.url.replace("http://", "http://user:password@")), 5)

    assert "password" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://", "http://host:port/v1", "http://host:99999/v1"])
async def test_an_impossible_endpoint_is_a_configuration_error(transport: HttpTransport, url: str) -> None:
    with pytest.raises(LLMConfigurationError, match="api_endpoint") as caught:
        await transport.send(call_to(f"{url}?token=hidden"), 5)

    assert "hidden" not in f"{caught.value} {caught.value.to_dict()}"


async def test_a_cancelled_call_gives_its_connection_up(server: OpenAIServer, transport: HttpTransport) -> None:
    server.will(Reply(data=b"HTTP/1.1 200 OK\r\n\r\n", hold=held()))
    task = asyncio.create_task(transport.send(call_to(server.url), 60))
    with anyio.fail_after(5):
        await server.arrived.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (await transport.send(call_to(server.url), 5)).status == 200
    assert server.connections == 2
