"""OpenAI's responses end to end against a local server: what arrives there is what OpenAI's SDK sends, and comes back whole."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI

from polaris_llm.core.client import HttpClient, HttpOptions, OpenAIClient
from polaris_llm.core.deltas import StreamEvent
from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.inference import ModelRequest, PromptCache
from polaris_llm.core.parts import ImagePart, ModelMessage, TextPart, ToolCallPart, ToolResultPart, text_message
from polaris_llm.core.providers.openai_responses import OpenAIResponsesCodec
from polaris_llm.core.stream_folding import fold
from support.model_requests import CALL, WEATHER, a_request
from support.model_strategies import FIELDS
from support.openai_clients import KEY, configuration
from support.openai_server import (
    OpenAIServer,
    as_json,
    sse,
    streamed,
)
from support.responses_streams import events, message, payload, thought, tool_call

pytestmark = pytest.mark.anyio

REQUESTS = st.builds(ModelRequest, **FIELDS | {"stop": st.just(()), "seed": st.none()})
WHOLE = payload(thought("Hm.", encrypted_content="gAAAA"), message("Größe: 🎉"), tool_call())


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[HttpClient]:
    async with OpenAIClient(configuration(server), HttpOptions(wire="openai_responses", keep_raw=False)) as client:
        yield client


async def events_of(client: HttpClient, request: ModelRequest | None = None) -> list[StreamEvent]:
    """All events of a request's stream."""
    with anyio.fail_after(20):
        return [event async for event in client.stream_events(request or a_request(), CALL)]


CONVERSATION = (
    text_message("system", "Be brief."),
    ModelMessage(role="user", parts=(TextPart(text="What is this?"), ImagePart(media_type="image/png", data="QUJD"))),
    ModelMessage(role="assistant", parts=(TextPart(text="Let me see."), ToolCallPart(call_id="a", name="weather", arguments={}))),
    ModelMessage(role="tool", parts=(ToolResultPart(call_id="a", name="weather", content="grey"),)),
)
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"sky": {"type": "string"}}, "required": ["sky"], "additionalProperties": False}
SAME_CALLS: list[tuple[ModelRequest, dict[str, Any]]] = [
    (
        a_request("Hi", max_tokens=50, temperature=0.5),
        {"input": [{"role": "user", "content": "Hi"}], "max_output_tokens": 50, "temperature": 0.5},
    ),
    (
        a_request(
            messages=CONVERSATION,
            tools=(WEATHER,),
            tool_choice="weather",
            parallel_tool_calls=False,
            reasoning_effort="low",
            service_tier="flex",
            prompt_cache=PromptCache(key="farm", ttl="1h"),
            response_schema=SCHEMA,
            top_p=0.5,
            extras={"openai_responses": {"store": False, "text": {"verbosity": "low"}, "temperature": None}},
        ),
        {
            "instructions": "Be brief.",
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "What is this?"},
                        {"type": "input_image", "image_url": "data:image/png;base64,QUJD", "detail": "auto"},
                    ],
                },
                {"type": "message", "role": "assistant", "content": "Let me see."},
                {"type": "function_call", "call_id": "a", "name": "weather", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "a", "output": "grey"},
            ],
            "max_output_tokens": 1000,
            "tools": [
                {
                    "type": "function",
                    "name": "weather",
                    "description": "Tells the weather.",
                    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
                    "strict": False,
                }
            ],
            "tool_choice": {"type": "function", "name": "weather"},
            "parallel_tool_calls": False,
            "reasoning": {"effort": "low"},
            "service_tier": "flex",
            "prompt_cache_key": "farm",
            "prompt_cache_retention": "24h",
            "text": {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}, "verbosity": "low"},
            "top_p": 0.5,
            "store": False,
            "include": ["reasoning.encrypted_content"],
        },
    ),
]


@pytest.mark.parametrize(("request_", "call"), SAME_CALLS, ids=["plain", "with everything"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_the_sdk_sends_the_same_for_the_same_call(
    server: OpenAIServer, client: HttpClient, request_: ModelRequest, call: dict[str, Any], stream: bool
) -> None:
    server.will(*(streamed(sse(*events(WHOLE))) if stream else as_json(200, WHOLE) for _ in range(2)))

    await (events_of(client, request_) if stream else client.respond(request_, CALL))
    async with AsyncOpenAI(base_url=server.url, api_key=KEY, max_retries=0) as sdk:
        create: Any = sdk.responses.create  # its types know each parameter, but no dict of them
        answer = await create(model="a-model", **call, **({"stream": True} if stream else {}))
        if stream:
            _ = [each async for each in answer]

    ours, theirs = server.seen
    assert ours.line == theirs.line == "POST /v1/responses HTTP/1.1"
    assert ours.json == theirs.json
    assert {name: ours.headers[name] for name in ("authorization", "content-type")} == {
        name: theirs.headers[name] for name in ("authorization", "content-type")
    }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(REQUESTS)
async def test_what_we_send_the_sdk_sends_unchanged(server: OpenAIServer, asked: ModelRequest) -> None:
    body = json.loads(OpenAIResponsesCodec(base_url=server.url, api_key=KEY).encode(asked).body)
    server.will(as_json(200, WHOLE))

    async with AsyncOpenAI(base_url=server.url, api_key=KEY, max_retries=0) as sdk:
        create: Any = sdk.responses.create  # as above
        with anyio.fail_after(20):
            await create(**body)

    assert server.seen[-1].json == body


async def test_a_stream_folds_to_what_the_server_would_have_answered(server: OpenAIServer, client: HttpClient) -> None:
    server.will(as_json(200, WHOLE), streamed(sse(*events(WHOLE))))

    whole = await client.respond(a_request(), CALL)
    response = fold(await events_of(client))

    assert (response.parts, response.usage, response.finish_reason) == (whole.parts, whole.usage, whole.finish_reason)
    assert (response.model, response.response_id, response.provider) == (whole.model, whole.response_id, whole.provider)
    assert response.metadata == whole.metadata


async def test_what_is_computed_in_the_background_is_waited_for_in_a_stream_alone(server: OpenAIServer, client: HttpClient) -> None:
    asked = a_request(extras={"openai_responses": {"background": True}})
    server.will(as_json(200, WHOLE), streamed(sse(*events(WHOLE))))

    with pytest.raises(LLMConfigurationError, match="leave 'background' out of the extras, or ask by stream_events") as caught:
        await client.respond(asked, CALL)
    await client.respond(a_request(extras={"openai_responses": {"background": False}}), CALL)
    streamed_events = [event async for event in client.stream_events(asked, CALL)]

    assert caught.value.context["config_key"] == "extras.openai_responses.background"
    assert fold(streamed_events).response_id == "resp_1"
    assert [seen.json["background"] for seen in server.seen] == [False, True]


async def test_an_answer_goes_back_with_the_next_turn(server: OpenAIServer, client: HttpClient) -> None:
    server.will(as_json(200, WHOLE))
    first = await client.respond(a_request("Hi"), CALL)
    result = ModelMessage(role="tool", parts=(ToolResultPart(call_id="call_1", name="weather", content="grey"),))

    server.will(as_json(200, WHOLE))
    await client.respond(a_request(messages=(text_message("user", "Hi"), first.as_message(), result)), CALL)

    assert server.seen[1].json["input"] == [
        {"role": "user", "content": "Hi"},
        *WHOLE["output"],
        {"type": "function_call_output", "call_id": "call_1", "output": "grey"},
    ]
