"""What arrives at a server of chat completions is what OpenAI's own SDK sends for the same call."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import AsyncAzureOpenAI, AsyncOpenAI

from polaris_llm.core.inference import ModelRequest, PromptCache
from polaris_llm.core.parts import ImagePart, ModelMessage, TextPart, ToolCallPart, ToolResultPart, text_message
from polaris_llm.core.providers.exchange import Codec
from polaris_llm.core.providers.openai_chat import OpenAIChatCodec
from polaris_llm.core.providers.registry import PROVIDERS, Endpoint
from support.model_requests import WEATHER, a_request
from support.model_strategies import FIELDS
from support.openai_clients import KEY
from support.openai_server import DONE, FINISH, OpenAIServer, Seen, as_json, completion, streamed, texts

pytestmark = pytest.mark.anyio

WITH_A_SERVER = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
REQUESTS = st.builds(ModelRequest, **{**FIELDS, "reasoning_effort": st.sampled_from([None, "low"])})
CONVERSATION = (
    text_message("system", "Be brief."),
    ModelMessage(role="user", parts=(TextPart(text="What is this?"), ImagePart(media_type="image/png", data="QUJD"))),
    ModelMessage(role="assistant", parts=(TextPart(text="Let me see."), ToolCallPart(call_id="a", name="weather", arguments={}))),
    ModelMessage(role="tool", parts=(ToolResultPart(call_id="a", name="weather", content="grey"),)),
)
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"sky": {"type": "string"}}}
CALLS: dict[str, tuple[ModelRequest, dict[str, Any]]] = {
    "plain": (
        a_request("Hi", max_tokens=50),
        {"model": "a-model", "messages": [{"role": "user", "content": "Hi"}], "max_completion_tokens": 50, "temperature": 0.1},
    ),
    "with everything": (
        a_request(
            messages=CONVERSATION,
            tools=(WEATHER,),
            tool_choice="weather",
            parallel_tool_calls=False,
            top_p=0.5,
            stop=("END",),
            seed=7,
            reasoning_effort="low",
            service_tier="flex",
            prompt_cache=PromptCache(key="farm", ttl="1h"),
            response_schema=SCHEMA,
            extras={"openai_chat": {"logprobs": True, "temperature": None}},
        ),
        {
            "model": "a-model",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this?"},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": "Let me see.",
                    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
                },
                {"role": "tool", "tool_call_id": "a", "content": "grey"},
            ],
            "max_completion_tokens": 1000,
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "weather",
                        "description": "Tells the weather.",
                        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
                    },
                }
            ],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
            "parallel_tool_calls": False,
            "top_p": 0.5,
            "stop": ["END"],
            "seed": 7,
            "reasoning_effort": "low",
            "service_tier": "flex",
            "prompt_cache_key": "farm",
            "prompt_cache_retention": "24h",
            "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": False}},
            "logprobs": True,
        },
    ),
}


@pytest.fixture
async def sdk(server: OpenAIServer) -> AsyncIterator[AsyncOpenAI]:
    """The SDK, pointed at the server."""
    async with AsyncOpenAI(api_key=KEY, base_url=server.url, max_retries=0) as client:
        yield client


async def seen_of_sdk(server: OpenAIServer, sdk: AsyncOpenAI, call: dict[str, Any]) -> Seen:
    """What the SDK sends for a call."""
    server.will(streamed(texts("Hi"), FINISH, DONE) if call.get("stream") else as_json(200, completion()))
    with anyio.fail_after(20):
        answer = await sdk.chat.completions.create(**call)
        if call.get("stream"):
            assert [chunk async for chunk in answer]
    return server.seen[-1]


def codec_at(server: OpenAIServer) -> Codec:
    """OpenAI's rules, at the server."""
    return OpenAIChatCodec(base_url=server.url, api_key=KEY, official=True)


@pytest.mark.parametrize(("asked", "call"), CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_the_sdk_sends_the_same_for_the_same_call(
    server: OpenAIServer, sdk: AsyncOpenAI, asked: ModelRequest, call: dict[str, Any], stream: bool
) -> None:
    codec = codec_at(server)
    ours = codec.encode_stream(asked) if stream else codec.encode(asked)

    theirs = await seen_of_sdk(server, sdk, call | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {}))

    assert json.loads(ours.body) == theirs.json
    assert theirs.line == "POST /v1/chat/completions HTTP/1.1"
    assert ours.url == f"{server.url}/chat/completions"
    for name in ("authorization", "content-type"):
        assert ours.headers[name] == theirs.headers[name]


@WITH_A_SERVER
@given(REQUESTS)
async def test_what_we_send_the_sdk_sends_unchanged(server: OpenAIServer, sdk: AsyncOpenAI, asked: ModelRequest) -> None:
    body = json.loads(codec_at(server).encode(asked).body)

    assert (await seen_of_sdk(server, sdk, body)).json == body


@pytest.mark.parametrize("bearer", [False, True], ids=["key", "token"])
async def test_azures_sdk_asks_at_the_same_place_as_the_same_caller(server: OpenAIServer, bearer: bool) -> None:
    host = server.url.removesuffix("/v1")
    shown: dict[str, Any] = {"azure_ad_token": KEY} if bearer else {"api_key": KEY}
    endpoint = Endpoint(provider="azure", base_url=host, api_key=KEY, bearer=bearer, api_version="2024-10-21")
    ours = PROVIDERS["azure"].wire().codec(endpoint).encode(a_request("Hi", model="my-deployment", max_tokens=50))

    async with AsyncAzureOpenAI(azure_endpoint=host, api_version="2024-10-21", max_retries=0, **shown) as azure:
        theirs = await seen_of_sdk(server, azure, CALLS["plain"][1] | {"model": "my-deployment"})

    assert theirs.line == f"POST {ours.url.removeprefix(host)} HTTP/1.1"
    assert theirs.json == json.loads(ours.body)
    name = "authorization" if bearer else "api-key"
    assert ours.headers[name] == theirs.headers[name]
