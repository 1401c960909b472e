"""Streams end to end against a local server: events as they come, and a connection that is closed as soon as nobody listens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from polaris_llm.core.client import HttpOptions, LLMClient, MockLLMClient
from polaris_llm.core.deltas import StreamEvent, StreamFinished, TextDelta
from polaris_llm.core.inference import FinishReason
from polaris_llm.core.providers.transport import HttpTransport
from polaris_llm.core.stream_folding import fold
from support.model_requests import CALL, WEATHER, RecordingGate, a_request
from support.openai_clients import flat, openai_client
from support.openai_server import (
    DONE,
    END,
    FINISH,
    USAGE,
    OpenAIServer,
    as_json,
    chunk,
    completion,
    held_after,
    piece,
    sse,
    streamed,
    texts,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[LLMClient]:
    async with openai_client(server) as client:
        yield client


async def events_of(client: LLMClient) -> list[StreamEvent]:
    """All events of a request's stream."""
    with anyio.fail_after(10):
        return [event async for event in client.stream_events(a_request(), CALL)]


async def test_text_is_there_before_the_answer_is_whole(server: OpenAIServer, client: LLMClient) -> None:
    hold = asyncio.Event()
    server.will(held_after(texts("Hel"), hold=hold, rest=chunk(texts("lo.") + FINISH + USAGE + DONE) + END))

    with anyio.fail_after(10):
        async with aclosing(client.stream_events(a_request(), CALL)) as stream:
            first = await anext(stream)
            hold.set()
            rest = [event async for event in stream]

    assert first == TextDelta(text="Hel", index=1)
    assert fold([first, *rest]).text == "Hello."


async def test_a_stream_folds_to_what_the_server_would_have_answered(server: OpenAIServer, client: LLMClient) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}
    message = {"role": "assistant", "content": "Größe: 🎉", "reasoning_content": "Hm.", "tool_calls": [call]}
    deltas: list[dict[str, Any]] = [
        {"reasoning_content": "Hm."},
        {"content": "Größe: "},
        {"content": "🎉"},
        {"tool_calls": [{"index": 0, **call}]},
    ]
    server.will(
        as_json(200, completion(message, usage={"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14})),
        streamed(sse(*(piece(delta) for delta in deltas)) + FINISH + USAGE + DONE),
    )

    whole = await client.respond(a_request(), CALL)
    response = fold(await events_of(client))

    assert (response.parts, response.usage, response.finish_reason) == (whole.parts, whole.usage, whole.finish_reason)
    assert (response.model, response.response_id, response.provider) == (whole.model, whole.response_id, whole.provider)
    assert (response.attempts, response.latency_s > 0) == (1, True)
    assert server.seen[1].json == server.seen[0].json | {"stream": True, "stream_options": {"include_usage": True}}


async def test_bytes_that_come_one_by_one_make_the_same_stream(server: OpenAIServer, client: LLMClient) -> None:
    body = b": hello\r\n\r\n" + texts("Größe ", "🎉").replace(b"\n", b"\r\n") + FINISH + DONE
    server.will(streamed(*(body[at : at + 1] for at in range(len(body)))))

    assert fold(await events_of(client)).text == "Größe 🎉"


async def test_an_answer_of_a_megabyte_streams(server: OpenAIServer, client: LLMClient) -> None:
    words = ["x" * 999 + " "] * 1000
    server.will(streamed(texts(*words), FINISH, DONE), streamed(texts("".join(words)), FINISH, DONE))

    assert fold(await events_of(client)).text == "".join(words)
    assert fold(await events_of(client)).text == "".join(words)


async def test_generate_stream_gives_text_only(server: OpenAIServer, client: LLMClient) -> None:
    server.will(streamed(sse(piece({"reasoning_content": "Hm."})), texts("Hel", "lo."), FINISH, USAGE, DONE))

    assert [text async for text in client.generate_stream(flat())] == ["Hel", "lo."]


async def test_a_server_that_does_not_stream_is_understood(server: OpenAIServer, client: LLMClient) -> None:
    events = await events_of(client)

    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Hello."]
    assert isinstance(events[-1], StreamFinished)
    assert fold(events).usage.input_tokens == 11


@pytest.mark.parametrize("content_type", [{}, {"content-type": "text/plain"}, {"content-type": "application/json"}])
async def test_a_wrong_content_type_hides_no_stream(server: OpenAIServer, client: LLMClient, content_type: dict[str, str]) -> None:
    server.will(streamed(texts("Hello."), FINISH, DONE, headers=content_type))

    assert fold(await events_of(client)).text == "Hello."


async def test_a_wrong_content_type_hides_no_json(server: OpenAIServer, client: LLMClient) -> None:
    server.will(as_json(200, completion(), {"content-type": "text/event-stream"}))

    assert fold(await events_of(client)).text == "Hello."


async def test_tools_are_offered_only_where_they_are_enabled(server: OpenAIServer) -> None:
    server.will(streamed(texts("Hello."), FINISH, DONE))

    async with openai_client(server, enable_function_calling=False) as client:
        _ = [event async for event in client.stream_events(a_request(tools=(WEATHER,)))]

    assert "tools" not in server.seen[0].json


async def test_streams_that_come_to_their_end_share_a_connection(server: OpenAIServer, client: LLMClient) -> None:
    server.will(*(streamed(texts("Hello."), FINISH, DONE) for _ in range(3)))

    for _ in range(3):
        await events_of(client)

    assert server.connections == 1


async def test_the_gate_learns_what_became_of_a_stream(server: OpenAIServer) -> None:
    server.will(streamed(texts("Hello."), FINISH, USAGE, DONE), held_after(texts("Hel")))
    gate = RecordingGate()

    async with openai_client(server, HttpOptions(gate=gate)) as client:
        await events_of(client)
        async with aclosing(client.stream_events(a_request(), CALL)) as stream:
            await anext(stream)

    assert [type(outcome).__name__ for _, outcome in gate.reports] == ["ModelResponse", "GeneratorExit"]


def test_one_client_streams_on_several_loops_one_after_another() -> None:
    transport = HttpTransport()

    async def one_loop() -> str:
        async with OpenAIServer() as server:
            server.will(streamed(texts("Hello."), FINISH, DONE), held_after(texts("Hel")))
            client = openai_client(server, HttpOptions(transport=transport))
            text = fold(await events_of(client)).text
            async for _ in client.stream_events(a_request(), CALL):
                break
            with anyio.fail_after(1):
                await server.left.wait()
            return text  # nothing is closed here: the loop's end does it

    assert [asyncio.run(one_loop()) for _ in range(3)] == ["Hello."] * 3


async def test_the_mock_streams_what_it_would_have_answered() -> None:
    events = await events_of(MockLLMClient())
    whole = await MockLLMClient().respond(a_request(), CALL)

    response = fold(events)

    assert (response.parts, response.usage, response.metadata, response.provider) == (whole.parts, whole.usage, {"mock": True}, "mock")
    assert response.finish_reason is FinishReason.STOP
    assert len(events) > 5
