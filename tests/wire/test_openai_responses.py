"""OpenAI's responses end to end against a local server: what arrives there, what comes back, and every way in which a stream fails."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import pytest
from openai import AsyncOpenAI

from polaris_llm.core.deltas import StreamEvent, TextDelta
from polaris_llm.core.exceptions import LLMAPIError, LLMConnectionError, LLMRateLimitError, LLMTimeoutError
from polaris_llm.core.inference import ModelRequest, PromptCache
from polaris_llm.core.parts import ImagePart, ModelMessage, TextPart, ToolCallPart, ToolResultPart, text_message
from polaris_llm.core.providers.attempts import RetryPolicy
from polaris_llm.core.providers.http_model import HttpModel
from polaris_llm.core.providers.openai_responses import OpenAIResponsesCodec
from polaris_llm.core.providers.transport import HttpTransport
from polaris_llm.core.stream_folding import fold
from support.model_requests import CALL, WEATHER, a_request
from support.openai_server import (
    END,
    OpenAIServer,
    Reply,
    as_json,
    chunk,
    held_after,
    http,
    sse,
    stream_head,
    streamed,
)
from support.responses_streams import KEY, event, events, message, payload, thought, tool_call

pytestmark = pytest.mark.anyio

WHOLE = payload(thought("Hm.", encrypted_content="gAAAA"), message("Größe: 🎉"), tool_call())
HELLO = streamed(sse(*events(payload(message("Hello.")))))
BEGUN = sse(*list(events(payload(message("Hello"))))[:5])
"""As far as the text."""


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[HttpModel]:
    model = model_at(server)
    yield model
    await model.close()


def model_at(server: OpenAIServer, **policy: Any) -> HttpModel:
    """A model behind the server that is quick to retry."""
    codec = OpenAIResponsesCodec(base_url=server.url, api_key=KEY)
    return HttpModel(codec, HttpTransport(), RetryPolicy(**{"max_attempts": 3, "timeout_s": 5.0, "base_delay_s": 0.1} | policy))


def cut_after(*pieces: bytes) -> Reply:
    """A stream whose connection is cut after some pieces."""
    return Reply(data=stream_head() + b"".join(map(chunk, pieces)), cut=True)


async def events_of(model: HttpModel, request: ModelRequest | None = None) -> list[StreamEvent]:
    """All events of a request's stream."""
    with anyio.fail_after(20):
        return [event async for event in model.stream(request or a_request(), CALL)]


async def seen_until(error: type[Exception], model: HttpModel) -> tuple[str, str]:
    """The text that came before an error, and the error's message."""
    said: list[str] = []

    async def listen() -> None:
        async for each in model.stream(a_request(), CALL):
            said.extend([each.text] if isinstance(each, TextDelta) else [])

    with anyio.fail_after(20), pytest.raises(error) as raised:
        await listen()
    return "".join(said), str(raised.value)


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
                {"role": "assistant", "content": "Let me see."},
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
    server: OpenAIServer, model: HttpModel, request_: ModelRequest, call: dict[str, Any], stream: bool
) -> None:
    server.will(*(streamed(sse(*events(WHOLE))) if stream else as_json(200, WHOLE) for _ in range(2)))

    await (events_of(model, request_) if stream else model.respond(request_, CALL))
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


async def test_a_stream_folds_to_what_the_server_would_have_answered(server: OpenAIServer, model: HttpModel) -> None:
    server.will(as_json(200, WHOLE, {"x-request-id": "req_1"}))
    server.will(streamed(sse(*events(WHOLE)), headers={"content-type": "text/event-stream", "x-request-id": "req_1"}))

    whole = await model.respond(a_request(), CALL)
    response = fold(await events_of(model))

    assert (response.parts, response.usage, response.finish_reason) == (whole.parts, whole.usage, whole.finish_reason)
    assert (response.model, response.response_id, response.provider) == (whole.model, whole.response_id, whole.provider)
    assert response.metadata == whole.metadata
    assert response.metadata["provider_request_id"] == "req_1"


async def test_an_answer_goes_back_with_the_next_turn(server: OpenAIServer, model: HttpModel) -> None:
    server.will(as_json(200, WHOLE))
    first = await model.respond(a_request("Hi"), CALL)
    result = ModelMessage(role="tool", parts=(ToolResultPart(call_id="call_1", name="weather", content="grey"),))

    server.will(as_json(200, WHOLE))
    await model.respond(a_request(messages=(text_message("user", "Hi"), first.as_message(), result)), CALL)

    assert server.seen[1].json["input"] == [
        {"role": "user", "content": "Hi"},
        *WHOLE["output"],
        {"type": "function_call_output", "call_id": "call_1", "output": "grey"},
    ]


async def test_bytes_that_come_one_by_one_make_the_same_stream(server: OpenAIServer, model: HttpModel) -> None:
    body = b": hello\r\n\r\n" + sse(*events(payload(message("Größe 🎉"))), line_end="\r\n")
    server.will(streamed(*(body[at : at + 1] for at in range(len(body)))))

    assert fold(await events_of(model)).text == "Größe 🎉"


async def test_an_answer_of_a_megabyte_streams(server: OpenAIServer, model: HttpModel) -> None:
    text = "x" * 1_000_000
    server.will(streamed(sse(*events(payload(message(text)), lambda text: [text[at : at + 1000] for at in range(0, len(text), 1000)]))))

    assert fold(await events_of(model)).text == text


async def test_a_packed_answer_is_unpacked(server: OpenAIServer, model: HttpModel) -> None:
    packed = gzip.compress(json.dumps(WHOLE).encode())
    server.will(http(200, packed, {"content-type": "application/json", "content-encoding": "gzip"}))

    assert (await model.respond(a_request(), CALL)).text == "Größe: 🎉"


async def test_a_server_that_does_not_stream_is_understood(server: OpenAIServer, model: HttpModel) -> None:
    server.will(as_json(200, WHOLE))

    assert fold(await events_of(model)).text == "Größe: 🎉"


@pytest.mark.parametrize(
    "reply",
    [
        cut_after(BEGUN),
        cut_after(BEGUN, sse(event("error", message="half"))[:-20]),
        cut_after(BEGUN, "data: ü".encode()[:-1]),
        streamed(BEGUN),
        Reply(data=stream_head() + b"%x\r\n" % 5000 + BEGUN, cut=True),
    ],
    ids=["between events", "in an event", "in a character", "in good order", "in a chunk"],
)
async def test_a_stream_that_breaks_off_says_how_much_had_arrived(server: OpenAIServer, model: HttpModel, reply: Reply) -> None:
    server.will(reply)

    text, told = await seen_until(LLMConnectionError, model)

    assert text == "Hello"
    assert "broke off" in told
    assert told.endswith("5 characters of text, 0 of reasoning, 0 tool calls had arrived")
    assert len(server.seen) == 1  # what was seen is not said again


@pytest.mark.parametrize("reply", [cut_after(), streamed(), cut_after(BEGUN[:200]), Reply(data=b"", cut=True)])
async def test_a_stream_that_breaks_off_before_it_begins_is_asked_for_again(server: OpenAIServer, model: HttpModel, reply: Reply) -> None:
    server.will(reply, HELLO)

    response = fold(await events_of(model))

    assert (response.text, response.attempts) == ("Hello.", 2)


async def test_an_error_in_the_stream_says_how_much_had_arrived(server: OpenAIServer, model: HttpModel) -> None:
    server.will(streamed(BEGUN, sse(event("error", code="server_error", message="out of memory"))))

    text, told = await seen_until(LLMAPIError, model)

    assert text == "Hello"
    assert "out of memory" in told
    assert told.endswith("5 characters of text, 0 of reasoning, 0 tool calls had arrived")
    assert len(server.seen) == 1


async def test_an_error_that_is_the_streams_first_event_is_tried_again(server: OpenAIServer, model: HttpModel) -> None:
    server.will(streamed(sse(event("error", code="server_error", message="overloaded"))), HELLO)

    assert fold(await events_of(model)).attempts == 2


async def test_a_stall_is_told_from_a_slow_first_byte(server: OpenAIServer) -> None:
    server.will(held_after(BEGUN), Reply(data=stream_head(), hold=asyncio.Event(), rest=END))
    model = model_at(server, timeout_s=1.0, max_attempts=1)

    _, stalled = await seen_until(LLMTimeoutError, model)
    _, slow = await seen_until(LLMTimeoutError, model)
    await model.close()

    assert "idle timeout" in stalled
    assert "5 characters of text" in stalled
    assert "first_byte timeout" in slow


async def test_leaving_a_stream_closes_its_connection_at_once(server: OpenAIServer, model: HttpModel) -> None:
    server.will(held_after(BEGUN))

    async with aclosing(model.stream(a_request(), CALL)) as stream:
        await anext(stream)

    with anyio.fail_after(1):
        await server.left.wait()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "reply",
    [
        as_json(429, {"error": {"type": "tokens", "code": "rate_limit_exceeded", "message": "slow down"}}, {"retry-after-ms": "1"}),
        http(502, b"<html><h1>Bad Gateway</h1></html>", {"content-type": "text/html"}),
        http(503, b""),
    ],
    ids=["429", "HTML 502", "empty 503"],
)
async def test_a_refusal_that_may_pass_is_tried_again(server: OpenAIServer, model: HttpModel, reply: Reply, stream: bool) -> None:
    server.will(reply, HELLO if stream else as_json(200, payload(message("Hello."))))

    response = fold(await events_of(model)) if stream else await model.respond(a_request(), CALL)

    assert (response.text, response.attempts) == ("Hello.", 2)


async def test_a_limit_that_stays_is_told_with_its_wait(server: OpenAIServer) -> None:
    server.will(as_json(429, {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}, {"retry-after": "7"}))
    model = model_at(server, max_attempts=1)

    with pytest.raises(LLMRateLimitError, match="slow down") as raised:
        await model.respond(a_request(), CALL)
    await model.close()

    assert raised.value.retry_after == 7.0
