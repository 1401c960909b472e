"""Clients end to end against a local server: what every client promises, and what goes over the wire."""

import json
import logging
from collections.abc import AsyncIterator

import pytest

from polaris_llm.core.client import HttpOptions, LLMClient, LocalClient, MockLLMClient
from polaris_llm.core.inference import FinishReason
from polaris_llm.core.models import LLMProvider
from polaris_llm.core.parts import TextPart, ToolCallPart
from polaris_llm.core.stream_folding import fold
from polaris_llm.core.usage import Usage
from support.model_requests import CALL, WEATHER, a_request
from support.openai_clients import KEY, configuration, flat, openai_client
from support.openai_server import FINISH, OpenAIServer, as_json, completion, http, streamed, texts

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[LLMClient]:
    async with openai_client(server) as client:
        yield client


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
    assert response.metadata["provider"] == any_client.get_provider()
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


async def test_a_request_arrives_as_openai_expects_it(server: OpenAIServer, client: LLMClient) -> None:
    await client.respond(a_request("Hi", request_id="id with\nline"), CALL)

    seen = server.seen[0]
    assert seen.line == "POST /v1/chat/completions HTTP/1.1"
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.headers["x-correlation-id"] == "id%20with%0Aline"
    assert seen.json["messages"] == [{"role": "user", "content": "Hi"}]


async def test_the_configuration_fills_what_a_request_leaves_open(server: OpenAIServer) -> None:
    async with openai_client(server, HttpOptions(extras={"top_k": 5, "seed": 1})) as client:
        await client.respond(a_request(model="", extras={"openai_chat": {"seed": 2}, "google": {"seed": 3}}), CALL)

    payload = server.seen[0].json
    assert (payload["model"], payload["top_k"], payload["seed"]) == ("a-model", 5, 2)


async def test_tools_are_not_offered_when_function_calling_is_off(server: OpenAIServer) -> None:
    async with openai_client(server, enable_function_calling=False) as client:
        await client.respond(a_request(tools=(WEATHER,), tool_choice="required"), CALL)

    assert not {"tools", "tool_choice"} & server.seen[0].json.keys()


async def test_no_tool_is_made_up_for_a_schema_when_function_calling_is_off(server: OpenAIServer) -> None:
    server.will(as_json(200, completion({"role": "assistant", "content": '{"a": 1}'})))
    asked = a_request(response_schema={"type": "object", "properties": {"a": {"type": "integer"}}})
    async with openai_client(server, HttpOptions(lacks=("json_schema",)), enable_function_calling=False) as client:
        response = await client.respond(asked, CALL)

    assert (response.text, response.metadata["structured_by"]) == ('{"a": 1}', "prompt")


async def test_the_providers_payload_comes_along_unless_it_is_not_wanted(server: OpenAIServer, client: LLMClient) -> None:
    server.will(as_json(200, completion()), streamed(texts("Hi"), FINISH), as_json(200, completion()))
    response = await client.generate_response(flat())
    events = [event async for event in client.stream_events(a_request(), CALL)]
    async with openai_client(server, HttpOptions(keep_raw=False)) as lean:
        bare = await lean.generate_response(flat())

    assert response.metadata["raw_response"]["id"] == "chatcmpl-1"
    assert fold(events).metadata["raw_response"] == [json.loads(each.split(b"data: ")[1]) for each in (texts("Hi"), FINISH)]
    assert "raw_response" not in bare.metadata


async def test_neither_prompt_nor_answer_is_logged(server: OpenAIServer, client: LLMClient, caplog: pytest.LogCaptureFixture) -> None:
    server.will(as_json(200, completion({"role": "assistant", "content": "the patient is ill"})))

    with caplog.at_level(logging.INFO):
        await client.generate_response(flat("who is the patient"))

    assert [record.getMessage() for record in caplog.records if "patient" in record.getMessage()] == []


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
