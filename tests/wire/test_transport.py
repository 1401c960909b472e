"""The transport against a server of bytes: one exchange per call, and a typed error for every way it can go wrong."""

import asyncio
import gzip
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from polaris_llm.core.providers.transport import HttpTransport
from support.http_calls import KEY, call_to
from support.openai_server import JSON, OpenAIServer, as_json, completion, http

pytestmark = pytest.mark.anyio


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport()
    yield transport
    await transport.close()


async def test_a_reply_comes_back_as_it_was_sent(server: OpenAIServer, transport: HttpTransport) -> None:
    server.will(http(200, b'{"a": 1}', {**JSON, "X-Request-Id": "abc"}))

    reply = await transport.send(call_to(server.url, b'{"ask": 1}'), 5)

    assert (reply.status, reply.body, reply.headers["x-request-id"]) == (200, b'{"a": 1}', "abc")
    assert abs(reply.received_at - time.time()) < 60
    assert server.seen[0].line == "POST /v1 HTTP/1.1"
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.seen[0].json == {"ask": 1}


@pytest.mark.parametrize("status", [400, 404, 429, 500, 502])
async def test_an_error_status_is_a_reply_like_any_other(server: OpenAIServer, transport: HttpTransport, status: int) -> None:
    server.will(http(status, b"<html>no</html>", {"content-type": "text/html"}))

    reply = await transport.send(call_to(server.url), 5)

    assert (reply.status, reply.text) == (status, "<html>no</html>")


async def test_calls_of_one_loop_share_a_connection(server: OpenAIServer, transport: HttpTransport) -> None:
    for _ in range(3):
        await transport.send(call_to(server.url), 5)

    assert server.connections == 1


async def test_two_first_calls_share_one_pool(server: OpenAIServer, transport: HttpTransport) -> None:
    await asyncio.gather(*(transport.send(call_to(server.url), 5) for _ in range(8)))
    await transport.send(call_to(server.url), 5)

    assert server.connections <= 8
    assert len(transport._pools) == 1


async def test_a_redirect_is_not_followed(server: OpenAIServer, transport: HttpTransport) -> None:
    async with OpenAIServer() as elsewhere:
        server.will(http(307, b"", {"location": elsewhere.url}))

        reply = await transport.send(call_to(server.url), 5)

        assert reply.status == 307
        assert elsewhere.seen == []


async def test_cookies_are_not_sent_back(server: OpenAIServer, transport: HttpTransport) -> None:
    server.will(http(200, b"{}", {"set-cookie": "tracked=1"}))

    url = server.url.replace("127.0.0.1", "localhost")  # a cookie needs a name to belong to

    await transport.send(call_to(url), 5)
    await transport.send(call_to(url), 5)

    assert "cookie" not in server.seen[1].headers


async def test_a_large_packed_answer_is_unpacked(server: OpenAIServer, transport: HttpTransport) -> None:
    body = b"x" * 1_000_000
    server.will(http(200, gzip.compress(body), {"content-encoding": "gzip"}))

    reply = await transport.send(call_to(server.url), 5)

    assert reply.body == body
    assert server.seen[0].headers["accept-encoding"] == "gzip, deflate"


async def test_closing_twice_does_no_harm_and_a_later_call_opens_again(server: OpenAIServer, transport: HttpTransport) -> None:
    await transport.send(call_to(server.url), 5)
    await transport.close()
    await transport.close()

    assert (await transport.send(call_to(server.url), 5)).status == 200
    assert server.connections == 2


def test_one_transport_serves_several_loops_at_once() -> None:
    transport = HttpTransport()
    both_open = threading.Barrier(2, timeout=20)

    async def one_loop() -> list[int]:
        async with OpenAIServer() as server:
            first = await transport.send(call_to(server.url), 5)
            await asyncio.to_thread(both_open.wait)
            second = await transport.send(call_to(server.url), 5)
            return [first.status, second.status, server.connections]

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda _: asyncio.run(one_loop()), range(2))) == [[200, 200, 1]] * 2


def test_one_transport_serves_several_loops_one_after_another() -> None:
    transport = HttpTransport()

    async def one_loop() -> int:
        async with OpenAIServer() as server:
            server.will(as_json(200, completion()))
            reply = await transport.send(call_to(server.url), 5)
            return reply.status  # nothing is closed here: the loop's end does it

    assert [asyncio.run(one_loop()) for _ in range(3)] == [200, 200, 200]
    assert len(transport._pools) == 1


async def test_the_environments_proxy_is_used(server: OpenAIServer, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")

    reply = await transport.send(call_to("http://model.invalid/v1"), 5)

    assert reply.status == 200
    assert server.seen[0].line == "POST http://model.invalid/v1 HTTP/1.1"


async def test_a_host_without_proxy_is_called_itself(
    server: OpenAIServer, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    await transport.send(call_to(server.url), 5)

    assert server.seen[0].line == "POST /v1 HTTP/1.1"
