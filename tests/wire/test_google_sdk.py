"""What the Google codec sends is what the official SDK sends for the same call."""

import json
from collections.abc import AsyncIterator

import anyio
import pytest
from google import genai
from google.genai import types
from google.genai.client import AsyncClient
from hypothesis import HealthCheck, given, settings

from polaris_llm.core.inference import ModelRequest
from polaris_llm.core.providers.exchange import HttpCall
from polaris_llm.core.providers.google import GoogleCodec
from support.google_requests import REQUESTS, as_sdk_reads, sdk_call
from support.model_requests import a_request
from support.openai_server import OpenAIServer, Seen, as_json, sse, streamed

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")]

KEY = "AIza-very-secret-key"
ANSWER = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}
WITH_A_SERVER = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def root_of(server: OpenAIServer) -> str:
    return server.url.removesuffix("/v1")


@pytest.fixture
async def sdk(server: OpenAIServer) -> AsyncIterator[AsyncClient]:
    """The SDK, pointed at the server."""
    options = types.HttpOptions(base_url=root_of(server), api_version="v1beta")
    async with genai.Client(api_key=KEY, http_options=options).aio as client:
        yield client


async def seen_of_sdk(server: OpenAIServer, sdk: AsyncClient, asked: ModelRequest, *, stream: bool = False) -> Seen:
    """What the SDK sends for a request."""
    with anyio.fail_after(20):
        if stream:
            server.will(streamed(sse(ANSWER)))
            async for _ in await sdk.models.generate_content_stream(**sdk_call(asked)):
                pass
        else:
            server.will(as_json(200, ANSWER))
            await sdk.models.generate_content(**sdk_call(asked))
    return server.seen[-1]


def path_of(call: HttpCall) -> str:
    """The path and query that a call asks for."""
    return call.url.partition("//")[2].partition("/")[2]


@WITH_A_SERVER
@given(REQUESTS)
async def test_a_request_is_what_the_sdk_sends_for_the_same_call(server: OpenAIServer, sdk: AsyncClient, asked: ModelRequest) -> None:
    ours = GoogleCodec(base_url=root_of(server), api_key=KEY).encode(asked)

    theirs = await seen_of_sdk(server, sdk, asked)

    assert as_sdk_reads(json.loads(ours.body)) == as_sdk_reads(theirs.json)
    assert theirs.line == f"POST /{path_of(ours)} HTTP/1.1"
    assert theirs.headers["x-goog-api-key"] == ours.headers["x-goog-api-key"]


async def test_a_stream_is_asked_for_as_the_sdk_does(server: OpenAIServer, sdk: AsyncClient) -> None:
    ours = GoogleCodec(base_url=root_of(server), api_key=KEY).encode_stream(a_request())

    theirs = await seen_of_sdk(server, sdk, a_request(), stream=True)

    assert theirs.line == f"POST /{path_of(ours)} HTTP/1.1"
    assert as_sdk_reads(json.loads(ours.body)) == as_sdk_reads(theirs.json)
