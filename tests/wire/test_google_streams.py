"""What only Gemini's streams do, over HTTP; what all do is in `test_every_provider.py`."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from polaris_llm.core.client import GoogleClient
from polaris_llm.core.exceptions import LLMServerError
from polaris_llm.core.llm_client import LLMClient
from polaris_llm.core.stream_folding import fold
from support.google_answers import answer
from support.google_server import client_of
from support.model_requests import CALL, a_request
from support.openai_server import OpenAIServer, Reply, as_json, chunk, held_after, sse, stream_head, streamed

pytestmark = pytest.mark.anyio

HELLO = sse(answer({"text": "Hello."}, finish_reason=None, usageMetadata=None))
FINISH = sse(answer())


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[GoogleClient]:
    async with client_of(server) as client:
        yield client


async def text_of(client: LLMClient) -> str:
    """The text of a streamed answer."""
    with anyio.fail_after(20):
        return fold([event async for event in client.stream_events(a_request(), CALL)]).text


async def test_a_stream_is_asked_for_with_the_same_body(server: OpenAIServer, client: GoogleClient) -> None:
    server.will(as_json(200, answer({"text": "Hello."})), streamed(HELLO, FINISH))

    await client.respond(a_request(), CALL)
    await text_of(client)

    assert [seen.line.split(" ")[1].rpartition(":")[2] for seen in server.seen] == ["generateContent", "streamGenerateContent?alt=sse"]
    assert server.seen[0].body == server.seen[1].body


@pytest.mark.parametrize(
    "reply",
    [
        as_json(200, [answer({"text": "Hel"}, finish_reason=None), answer({"text": "lo."})]),
        streamed("".join(f"data: {line}\n" for line in json.dumps(answer({"text": "Hello."}), indent=1).splitlines()).encode() + b"\n"),
        Reply(data=stream_head() + chunk(HELLO) + chunk(FINISH), cut=True),
    ],
    ids=["as a list", "in payloads of several lines", "cut when all was said"],
)
async def test_a_server_that_streams_in_another_way_is_understood(server: OpenAIServer, client: GoogleClient, reply: Reply) -> None:
    server.will(reply)

    assert await text_of(client) == "Hello."


async def test_a_server_that_does_not_hang_up_when_all_is_said_does_no_harm(server: OpenAIServer) -> None:
    server.will(held_after(HELLO + FINISH))

    async with client_of(server, timeout=1.0) as client:
        assert await text_of(client) == "Hello."

    with anyio.fail_after(5):
        await server.left.wait()


async def test_an_error_that_comes_as_bare_json_says_how_much_had_arrived(server: OpenAIServer, client: GoogleClient) -> None:
    error: dict[str, Any] = {"error": {"code": 500, "message": "An internal error has occurred.", "status": "INTERNAL"}}
    server.will(streamed(HELLO, json.dumps(error, indent=2).encode()))

    with anyio.fail_after(20), pytest.raises(LLMServerError, match="An internal error has occurred") as raised:
        await text_of(client)

    assert raised.value.message.endswith("6 characters of text, 0 of reasoning, 0 tool calls had arrived")
    assert len(server.seen) == 1  # what was seen is not said again
