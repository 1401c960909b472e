"""Clients end to end against a local server: what the faults of real servers come to."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import anyio
import pytest

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.client import HttpOptions, LLMClient, LocalClient
from polaris_llm.core.deltas import StreamFinished
from polaris_llm.core.exceptions import (
    DeadlineExceededError,
    LLMAPIError,
    LLMConnectionError,
    LLMIntegrationError,
    LLMRateLimitError,
    LLMResponseParsingError,
    LLMTimeoutError,
)
from polaris_llm.core.models import LLMProvider
from polaris_llm.core.providers.rate_limits import RateLimit, RateLimits
from support.model_requests import CALL, RecordingGate, a_request
from support.openai_clients import KEY, configuration, openai_client
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


@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "0"},
        {"retry-after": format_datetime(datetime.now(UTC) - timedelta(seconds=5), usegmt=True)},
        {"retry-after-ms": "1", "retry-after": "30"},
        {"retry-after": "nonsense"},
        {},
    ],
    ids=["seconds", "date", "milliseconds", "nonsense", "none"],
)
async def test_a_rate_limit_is_waited_out(server: OpenAIServer, client: LLMClient, headers: dict[str, str]) -> None:
    server.will(as_json(429, {"error": {"message": "slow down"}}, headers))

    with anyio.fail_after(5):
        response = await client.respond(a_request(), CALL)

    assert (response.text, response.attempts) == ("Hello.", 2)
    assert len(server.seen) == 2


async def test_an_html_502_is_retried_and_told_by_its_status(server: OpenAIServer) -> None:
    page = b"<html><head><style>p {}</style></head><body><h1>502 Bad Gateway</h1>nginx</body></html>"
    server.will(*[http(502, page, {"content-type": "text/html"})] * 2)
    async with openai_client(server, max_retries=1) as client:
        with pytest.raises(LLMAPIError, match=r"openai answered 502 for model 'a-model': 502 Bad Gateway nginx") as caught:
            await client.respond(a_request(), CALL)

    assert caught.value.status_code == 502
    assert caught.value.context["attempts"] == 2


async def test_a_cut_connection_is_retried(server: OpenAIServer, client: LLMClient) -> None:
    server.will(Reply(data=b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", cut=True))

    assert (await client.respond(a_request(), CALL)).attempts == 2


async def test_a_refusal_is_not_retried(server: OpenAIServer, client: LLMClient) -> None:
    server.will(as_json(401, {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}))

    with pytest.raises(LLMAPIError) as caught:
        await client.respond(a_request(), CALL)

    assert len(server.seen) == 1
    assert caught.value.context["provider_code"] == "invalid_api_key"
    assert KEY not in f"{caught.value} {caught.value.to_dict()}"


async def test_an_exhausted_quota_is_a_rate_limit_that_is_not_retried(server: OpenAIServer, client: LLMClient) -> None:
    server.will(as_json(429, {"error": {"message": "You exceeded your current quota", "type": "insufficient_quota"}}))

    with pytest.raises(LLMRateLimitError):
        await client.respond(a_request(), CALL)

    assert len(server.seen) == 1


async def test_a_redirect_is_an_error_that_says_where_to(server: OpenAIServer, client: LLMClient) -> None:
    server.will(http(308, b"", {"location": "https://elsewhere.example/v1?token=x"}))

    with pytest.raises(LLMAPIError, match=r"a redirect to elsewhere\.example, which is not followed") as caught:
        await client.respond(a_request(), CALL)

    assert "token" not in str(caught.value)


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


async def test_nothing_that_is_told_holds_the_key(server: OpenAIServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.will(as_json(400, {"headers": f"Bearer {KEY}"}), as_json(200, {"echo": f"Bearer {KEY}"}))
    told = []
    async with openai_client(server) as client:
        for _ in range(2):
            with pytest.raises(LLMIntegrationError) as caught:
                await client.respond(a_request(), CALL)
            told.append(f"{caught.value!r} {caught.value.to_dict()}")

    assert KEY not in f"{told} {client.config!r} {client.config.model_dump()} {caplog.text}"


async def test_a_server_that_is_not_there_is_a_connection_error() -> None:
    async with OpenAIServer() as gone:
        client = LocalClient(configuration(gone, LLMProvider.LOCAL, max_retries=1))

    with pytest.raises(LLMConnectionError, match="local could not be reached at http://127"):
        await client.respond(a_request(), CALL)
    await client.close()


async def test_every_attempt_at_a_call_says_that_it_is_the_same_call(server: OpenAIServer, client: LLMClient) -> None:
    server.will(http(503), as_json(200, completion()), as_json(200, completion()))

    await client.respond(a_request())
    await client.respond(a_request())

    first, again, other = (seen.headers["idempotency-key"] for seen in server.seen)
    assert first == again != other


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
