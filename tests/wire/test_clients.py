"""Clients end to end against a local server: what every client promises, and what the faults of real servers come to."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import anyio
import pytest

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.client import HttpOptions, LLMClient, LocalClient, MockLLMClient, OpenAIClient
from polaris_llm.core.exceptions import (
    DeadlineExceededError,
    LLMAPIError,
    LLMConnectionError,
    LLMIntegrationError,
    LLMRateLimitError,
    LLMResponseParsingError,
    LLMTimeoutError,
)
from polaris_llm.core.inference import FinishReason
from polaris_llm.core.models import LLMConfiguration, LLMProvider, LLMRequest, Message, MessageRole
from polaris_llm.core.parts import TextPart, ToolCallPart
from polaris_llm.core.usage import Usage
from support.model_requests import CALL, WEATHER, RecordingGate, a_request
from support.openai_server import OpenAIServer, Reply, as_json, completion, http

KEY = "sk-very-secret-key"
pytestmark = pytest.mark.anyio


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[LLMClient]:
    async with openai_client(server) as client:
        yield client


def configuration(server: OpenAIServer, provider: LLMProvider = LLMProvider.OPENAI, **changes: Any) -> LLMConfiguration:
    settings = {"api_endpoint": server.url, "api_key": KEY, "model_name": "a-model", "retry_delay": 0.1, "timeout": 5} | changes
    return LLMConfiguration(provider=provider, **settings)


def openai_client(server: OpenAIServer, options: HttpOptions | None = None, **changes: Any) -> OpenAIClient:
    return OpenAIClient(configuration(server, **changes), options)


def flat(text: str = "Hi", **changes: Any) -> LLMRequest:
    return LLMRequest([Message(MessageRole.USER, text)], "a-model", **changes)


# What every client promises


@pytest.fixture(params=["openai", "local", "mock"])
async def any_client(request: pytest.FixtureRequest, server: OpenAIServer) -> AsyncIterator[LLMClient]:
    client: LLMClient
    match request.param:
        case "openai":
            client = openai_client(server)
        case "local":
            client = LocalClient(configuration(server, LLMProvider.LOCAL, api_key=None))
        case _:
            client = MockLLMClient()
    async with client:
        yield client


async def test_an_answer_has_the_contracts_shape(any_client: LLMClient) -> None:
    request = flat()

    response = await any_client.generate_response(request)

    assert response.content
    assert response.request_id == request.request_id
    assert response.finish_reason == "stop"
    assert response.usage["total_tokens"] == response.usage["prompt_tokens"] + response.usage["completion_tokens"] > 0
    assert response.metadata["provider"] == any_client.get_provider().value
    assert response.metadata["attempts"] == 1
    assert any_client.supports_function_calling()


async def test_a_stream_gives_the_text_in_pieces(any_client: LLMClient) -> None:
    pieces = [piece async for piece in any_client.generate_stream(flat())]

    assert "".join(pieces).strip()
    assert all(isinstance(piece, str) for piece in pieces)


async def test_a_client_can_be_closed_twice_and_used_again(any_client: LLMClient) -> None:
    await any_client.close()
    await any_client.close()

    assert (await any_client.generate_response(flat())).content


async def test_the_typed_answer_says_what_it_took(any_client: LLMClient) -> None:
    response = await any_client.respond(a_request(), CALL)

    assert response.text
    assert response.attempts == 1
    assert 0 <= response.latency_s < 5
    assert not response.cached


# What goes over the wire


async def test_a_request_arrives_as_openai_expects_it(server: OpenAIServer, client: LLMClient) -> None:
    await client.respond(a_request("Hi", request_id="id with\nline"), CALL)

    seen = server.seen[0]
    assert seen.line == "POST /v1/chat/completions HTTP/1.1"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["x-correlation-id"] == "id%20with%0Aline"
    assert seen.json["messages"] == [{"role": "user", "content": "Hi"}]


async def test_the_configuration_fills_what_a_request_leaves_open(server: OpenAIServer) -> None:
    async with openai_client(server, HttpOptions(extras={"top_k": 5, "seed": 1})) as client:
        await client.respond(a_request(model="", extras={"seed": 2}), CALL)

    payload = server.seen[0].json
    assert (payload["model"], payload["top_k"], payload["seed"]) == ("a-model", 5, 2)


async def test_tools_are_not_offered_when_function_calling_is_off(server: OpenAIServer) -> None:
    async with openai_client(server, enable_function_calling=False) as client:
        await client.respond(a_request(tools=(WEATHER,), tool_choice="required"), CALL)

    assert not {"tools", "tool_choice"} & server.seen[0].json.keys()


async def test_the_providers_payload_comes_along_unless_it_is_not_wanted(server: OpenAIServer, client: LLMClient) -> None:
    response = await client.generate_response(flat())
    async with openai_client(server, HttpOptions(keep_raw=False)) as lean:
        bare = await lean.generate_response(flat())

    assert response.metadata["raw_response"]["id"] == "chatcmpl-1"
    assert "raw_response" not in bare.metadata


async def test_a_tool_call_without_content_is_a_tool_call(server: OpenAIServer, client: LLMClient) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    choice = {"message": {"role": "assistant", "content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
    server.will(as_json(200, completion(choices=[choice])))

    response = await client.generate_response(flat(tools=[WEATHER.to_openai_format()]))

    assert response.content == ""
    assert [(each.name, each.arguments, each.call_id) for each in response.function_calls] == [("weather", {"city": "Oslo"}, "c1")]
    assert response.finish_reason == "tool_calls"


async def test_a_server_that_leaves_out_usage_model_and_id_is_understood(server: OpenAIServer, client: LLMClient) -> None:
    server.will(as_json(200, completion(usage=None, model=None, id=None)))

    response = await client.respond(a_request(), CALL)

    assert (response.text, response.model, response.usage) == ("Hello.", "a-model", Usage())


async def test_malformed_arguments_do_not_fail_the_answer(server: OpenAIServer, client: LLMClient) -> None:
    calls = [{"function": {"name": "weather", "arguments": '{"city": "Os'}}]
    server.will(as_json(200, completion({"content": None, "tool_calls": calls})))

    response = await client.respond(a_request(), CALL)

    assert response.parts == (ToolCallPart(call_id="call", name="weather", arguments={}, malformed='{"city": "Os'),)
    assert response.finish_reason is FinishReason.TOOL_CALLS


async def test_an_answer_of_a_megabyte_is_read_whole(server: OpenAIServer, client: LLMClient) -> None:
    text = "ü" * 500_000
    server.will(as_json(200, completion({"content": text})))

    response = await client.respond(a_request(), CALL)

    assert response.parts == (TextPart(text=text),)


async def test_json_under_a_wrong_content_type_is_still_json(server: OpenAIServer, client: LLMClient) -> None:
    server.will(http(200, b'{"choices": [{"message": {"content": "Hi"}}]}', {"content-type": "text/html"}))

    assert (await client.respond(a_request(), CALL)).text == "Hi"


# Failures


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
