"""How calls of all providers get where they are meant to, over every wire: through proxies, by certificates, in time."""

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from polaris_llm.core.exceptions import LLMConnectionError, LLMTimeoutError
from polaris_llm.core.stream_folding import fold
from support.cases import HELLO, KEY, Case, events_of, failure
from support.forward_proxy import ForwardProxy
from support.full_listener import FullListener
from support.model_requests import CALL, a_request
from support.openai_server import OpenAIServer, Reply, as_json, held_after

from .conftest import Authority

pytestmark = pytest.mark.anyio

MOMENT_S = 0.05
CALL_OF_A_MOMENT = replace(CALL, remaining_s=4 * MOMENT_S)
WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


async def test_a_plain_endpoint_is_asked_through_the_proxy_by_its_whole_url(case: Case, server: OpenAIServer) -> None:
    server.will(as_json(200, case.dialect.whole(HELLO)))
    async with ForwardProxy(server.url) as proxy, case.client(server, base_url="http://models.example", proxy=proxy.url) as client:
        response = await client.respond(a_request(), CALL)

    assert response.text == HELLO.text
    assert proxy.heads[0].startswith("POST http://models.example/")
    assert KEY in server.seen[0].headers[case.key_header]


async def test_home_is_asked_through_a_tunnel_that_the_proxy_cannot_look_into(
    case: Case, tls_server: OpenAIServer, authority: Authority
) -> None:
    tls_server.will(as_json(200, case.dialect.whole(HELLO)), case.streamed(HELLO))
    given: dict[str, Any] = {"base_url": case.home, "ca_file": authority.ca_file}
    async with ForwardProxy(tls_server.url) as proxy, case.client(tls_server, proxy=proxy.url, **given) as client:
        whole = await client.respond(a_request(), CALL)
        streamed = fold(await events_of(client))

    host = urlsplit(case.home).netloc
    assert whole.text == streamed.text == HELLO.text
    assert {head.splitlines()[0] for head in proxy.heads} == {f"CONNECT {host}:443 HTTP/1.1"}
    assert KEY not in "".join(proxy.heads)
    assert {seen.headers["host"] for seen in tls_server.seen} == {host}


@pytest.mark.parametrize(("status", "is_tried_again"), [(407, False), (502, True)])
async def test_a_proxy_that_lets_nobody_through_is_told_by_its_status(
    case: Case, server: OpenAIServer, status: int, is_tried_again: bool
) -> None:
    refusal = f"HTTP/1.1 {status} No Way\r\ncontent-length: 0\r\n\r\n".encode()
    given: dict[str, Any] = {"base_url": "https://models.example", "max_retries": 1}
    async with ForwardProxy(server.url, refusal) as proxy, case.client(server, proxy=proxy.url, **given) as client:
        error = await failure(client, LLMConnectionError)

    assert str(status) in error.message
    assert error.retryable is is_tried_again
    assert len(proxy.heads) == 1 + is_tried_again


@WAYS
async def test_a_server_of_an_unknown_authority_is_refused_before_it_is_told_anything(
    case: Case, tls_server: OpenAIServer, stream: bool
) -> None:
    async with case.client(tls_server, max_retries=1) as client:
        error = await failure(client, LLMConnectionError, stream=stream)

    assert "certificate verify failed" in error.message
    assert "name that one's file as ca_file" in error.message
    assert not error.retryable
    assert tls_server.seen == []


@WAYS
async def test_timeouts_are_told_apart(case: Case, server: OpenAIServer, stream: bool) -> None:
    half = Reply(data=b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", hold=asyncio.Event(), rest=b"x")
    server.will(held_after(case.begun(HELLO)) if stream else half, held_after())

    phases = []
    for limit in ("connect_timeout_s", "read_timeout_s", "timeout_s"):
        async with FullListener() as full:
            given: dict[str, Any] = {limit: MOMENT_S, "base_url": full if limit == "connect_timeout_s" else server.url}
            async with case.client(server, **given) as client:
                error = await failure(client, LLMTimeoutError, stream=stream)
        assert isinstance(error, LLMTimeoutError)
        assert (error.context["timeout_seconds"], error.retryable) == (MOMENT_S, True)
        phases.append(error.phase)

    assert phases == (["connect", "idle", "first_byte"] if stream else ["connect", "read", "total"])


async def test_a_call_ends_at_its_own_deadline_whatever_the_settings_allow(case: Case, server: OpenAIServer) -> None:
    server.will(held_after(case.begun(HELLO)))
    with anyio.fail_after(10):
        async with case.client(server) as client:
            with pytest.raises(LLMTimeoutError) as caught:
                [event async for event in client.stream_events(a_request(), CALL_OF_A_MOMENT)]

    assert caught.value.phase == "total"
