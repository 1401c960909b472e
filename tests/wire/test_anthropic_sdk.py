"""What the Anthropic codec sends is what the official SDK sends for the same call."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import Message
from hypothesis import HealthCheck, given, settings
from pydantic import BaseModel, ConfigDict

from polaris_llm.core.inference import ModelRequest, PromptCache
from polaris_llm.core.parts import ImagePart, ModelMessage, TextPart, ToolResultPart, text_message
from polaris_llm.core.providers.anthropic import AnthropicCodec
from support.anthropic_messages import KEY, Wire, end, message, response_of, sse, start, text, texts
from support.anthropic_sdk import REQUESTS
from support.model_requests import WEATHER, a_request
from support.openai_server import OpenAIServer, Seen, as_json, streamed

pytestmark = pytest.mark.anyio

WITH_A_SERVER = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}


class Weather(BaseModel):
    """How it is outside."""

    model_config = ConfigDict(extra="forbid")

    sky: str
    degrees: float | None


@pytest.fixture
async def sdk(server: OpenAIServer) -> AsyncIterator[AsyncAnthropic]:
    """The SDK, pointed at the server."""
    async with AsyncAnthropic(api_key=KEY, base_url=server.url.removesuffix("/v1"), max_retries=0) as client:
        yield client


def body_of(server: OpenAIServer, request: ModelRequest) -> Wire:
    """What we send."""
    body: Wire = json.loads(AnthropicCodec(base_url=server.url, api_key=KEY).encode(request).body)
    return body


async def seen_of_sdk(server: OpenAIServer, sdk: AsyncAnthropic, **asked: Any) -> Seen:
    """What the SDK sends; parameters that it does not know any more go in by hand."""
    known = {name: value for name, value in asked.items() if name not in ("temperature", "top_p")}
    server.will(as_json(200, message()))
    with anyio.fail_after(20):
        await sdk.messages.create(**known, extra_body={name: value for name, value in asked.items() if name not in known})
    return server.seen[-1]


@WITH_A_SERVER
@given(REQUESTS)
async def test_what_we_send_the_sdk_sends_unchanged(server: OpenAIServer, sdk: AsyncAnthropic, asked: ModelRequest) -> None:
    body = body_of(server, asked)

    assert (await seen_of_sdk(server, sdk, **body)).json == body


SAID = (
    text_message("system", "Be kind."),
    ModelMessage(role="user", parts=(TextPart(text="See:"), ImagePart(media_type="image/png", data="QUJD"))),
)
CALLS: dict[str, tuple[ModelRequest, Wire]] = {
    "plain": (
        a_request("Hi", model="claude-haiku-4-5"),
        {
            "model": "claude-haiku-4-5",
            "max_tokens": 1000,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
            "temperature": 0.1,
        },
    ),
    "tools": (
        a_request("Hi", model="claude-opus-5", tools=(WEATHER,), tool_choice="weather", parallel_tool_calls=False, stop=("END",)),
        {
            "model": "claude-opus-5",
            "max_tokens": 1000,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
            "tools": [
                {
                    "name": "weather",
                    "description": "Tells the weather.",
                    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
                }
            ],
            "tool_choice": {"type": "tool", "name": "weather", "disable_parallel_tool_use": True},
            "stop_sequences": ["END"],
        },
    ),
    "system, image, cache, effort, tier": (
        a_request(
            model="claude-opus-5",
            messages=SAID,
            reasoning_effort="max",
            service_tier="standard_only",
            prompt_cache=PromptCache(after=("system",), ttl="1h"),
        ),
        {
            "model": "claude-opus-5",
            "max_tokens": 1000,
            "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            "messages": [{"role": "user", "content": [{"type": "text", "text": "See:"}, IMAGE]}],
            "thinking": {"type": "adaptive"},
            "output_config": {"effort": "max"},
            "service_tier": "standard_only",
        },
    ),
}


@pytest.mark.parametrize(("ours", "theirs"), CALLS.values(), ids=CALLS)
async def test_a_call_is_written_as_the_sdk_writes_it(server: OpenAIServer, sdk: AsyncAnthropic, ours: ModelRequest, theirs: Wire) -> None:
    seen = await seen_of_sdk(server, sdk, **theirs)

    assert body_of(server, ours) == seen.json
    assert seen.line == "POST /v1/messages HTTP/1.1"


async def test_an_answer_of_the_model_goes_back_as_the_sdk_sends_its_own(server: OpenAIServer, sdk: AsyncAnthropic) -> None:
    whole = message(
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "secret"},
        text("I look."),
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}, "caller": {"type": "direct"}},
        stop_reason="tool_use",
    )
    result = ToolResultPart(call_id="toolu_1", name="weather", content="grey")
    history = (text_message("user", "Hi"), response_of(whole).as_message(), ModelMessage(role="tool", parts=(result,)))

    seen = await seen_of_sdk(
        server,
        sdk,
        model="claude-opus-5",
        max_tokens=1000,
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
            {"role": "assistant", "content": Message.model_validate(whole).content},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "grey"}]},
        ],
    )

    assert body_of(server, a_request(model="claude-opus-5", messages=history)) == seen.json


async def test_a_schema_is_asked_for_as_the_sdk_asks_for_a_model(server: OpenAIServer, sdk: AsyncAnthropic) -> None:
    server.will(as_json(200, message(text('{"sky": "grey", "degrees": 4}'))))
    with anyio.fail_after(20):
        await sdk.messages.parse(
            model="claude-opus-5",
            max_tokens=1000,
            messages=[{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
            output_format=Weather,
        )

    request = a_request("Hi", model="claude-opus-5", response_schema=Weather.model_json_schema())
    assert body_of(server, request) == server.seen[-1].json


async def test_a_stream_is_asked_for_as_the_sdk_does_and_read_to_the_same_answer(server: OpenAIServer, sdk: AsyncAnthropic) -> None:
    server.will(streamed(sse(start(), *texts("Hel", "lo."), *end())))
    request = a_request("Hi", model="claude-opus-5")
    with anyio.fail_after(20):
        async with sdk.messages.stream(
            model="claude-opus-5", max_tokens=1000, messages=[{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
        ) as stream:
            final = await stream.get_final_message()

    assert json.loads(AnthropicCodec().encode_stream(request).body) == server.seen[-1].json
    assert response_of(final.model_dump(mode="json")).parts == response_of(message()).parts
