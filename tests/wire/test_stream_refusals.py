"""Streams that do not even begin: what a server says instead is the ordinary typed error."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import anyio
import pytest

from polaris_llm.core.client import HttpOptions, LLMClient
from polaris_llm.core.deltas import StreamEvent
from polaris_llm.core.exceptions import LLMAPIError, LLMRateLimitError, LLMResponseParsingError
from polaris_llm.core.stream_folding import fold
from support.model_requests import CALL, RecordingGate, a_request
from support.openai_clients import openai_client
from support.openai_server import DONE, END, FINISH, OpenAIServer, Reply, as_json, chunk, http, sse, stream_head, streamed, texts

pytestmark = pytest.mark.anyio

HELLO = streamed(texts("Hello."), FINISH, DONE)


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[LLMClient]:
    async with openai_client(server, max_retries=2) as client:
        yield client


async def events_of(client: LLMClient) -> list[StreamEvent]:
    """All events of a request's stream."""
    with anyio.fail_after(20):
        return [event async for event in client.stream_events(a_request(), CALL)]


def later(seconds: float) -> str:
    """A date that many seconds from now, as HTTP writes it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "at_most_s"),
    [
        ({"retry-after-ms": "20"}, 0.02),
        ({"retry-after": "0.02"}, 0.02),
        ({"retry-after": "0"}, 0),
        ({"retry-after": later(2)}, 2.0),
        ({}, None),
    ],
    ids=["milliseconds", "seconds", "now", "date", "none"],
)
async def test_a_rate_limit_is_waited_for(server: OpenAIServer, headers: dict[str, str], at_most_s: float | None) -> None:
    server.will(as_json(429, {"error": {"message": "slow down"}}, headers), HELLO)
    gate = RecordingGate()

    async with openai_client(server, HttpOptions(gate=gate)) as client:
        response = fold(await events_of(client))

    error = gate.reports[0][1]
    assert isinstance(error, LLMRateLimitError)
    assert error.retry_after == at_most_s or (error.retry_after is not None and at_most_s is not None and error.retry_after <= at_most_s)
    assert (response.text, response.attempts) == ("Hello.", 2)


async def test_a_html_page_of_a_gateway_is_the_ordinary_error(server: OpenAIServer) -> None:
    server.will(http(502, b"<html><h1>Bad gateway</h1></html>", {"content-type": "text/html"}))

    async with openai_client(server, max_retries=0) as client:
        with pytest.raises(LLMAPIError, match=r"answered 502 .*Bad gateway") as raised:
            await events_of(client)

    assert raised.value.status_code == 502


async def test_an_error_status_may_come_as_a_stream(server: OpenAIServer, client: LLMClient) -> None:
    error = sse({"error": {"message": "no such model"}})
    server.will(Reply(data=stream_head(status=404) + chunk(error) + END))

    with pytest.raises(LLMAPIError, match="answered 404"):
        await events_of(client)

    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "reply",
    [http(200, b""), http(200, b"<html>Hi</html>", {"content-type": "text/html"}), http(200, b"Hi", {"content-type": "text/plain"})],
    ids=["empty", "html", "prose"],
)
async def test_an_answer_that_is_neither_stream_nor_json_is_an_error(server: OpenAIServer, client: LLMClient, reply: Reply) -> None:
    server.will(reply)

    with pytest.raises(LLMResponseParsingError, match="is no JSON"):
        await events_of(client)
