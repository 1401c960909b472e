"""Anthropic's messages over the wire: what is this wire's own; what holds for all of them is in `test_every_provider*.py`."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from polaris_llm.core.client import AnthropicClient, LocalClient
from polaris_llm.core.client_factory import client_for, create_anthropic_client
from polaris_llm.core.deltas import StreamEvent
from polaris_llm.core.inference import PromptCache
from polaris_llm.core.llm_client import LLMClient
from polaris_llm.core.models import LLMProvider
from polaris_llm.core.parts import ModelMessage, ToolResultPart, text_message
from polaris_llm.core.provider_settings import ProviderSettings
from polaris_llm.core.stream_folding import fold
from support.anthropic_messages import Wire, end, message, sse, start, text, texts
from support.model_requests import CALL, WEATHER, a_request
from support.openai_clients import KEY, configuration, flat
from support.openai_server import OpenAIServer, Reply, as_json, chunk, stream_head, streamed

pytestmark = pytest.mark.anyio

HELLO = streamed(sse(start(), *texts("Hello."), *end()))
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[LLMClient]:
    async with AnthropicClient(configuration(server, LLMProvider.ANTHROPIC, max_retries=2)) as client:
        yield client


def cut_after(*pieces: bytes) -> Reply:
    """A stream whose connection is cut after some pieces."""
    return Reply(data=stream_head() + b"".join(map(chunk, pieces)), cut=True)


async def events_of(client: LLMClient) -> list[StreamEvent]:
    """All events of a request's stream."""
    with anyio.fail_after(20):
        return [event async for event in client.stream_events(a_request(), CALL)]


async def test_a_client_asks_where_the_api_is_and_as_whom(server: OpenAIServer, client: LLMClient) -> None:
    server.will(as_json(200, message(), {"request-id": "req_1"}))

    response = await client.respond(a_request())

    assert response.text == "Hello."
    assert server.seen[0].line == "POST /v1/messages HTTP/1.1"
    assert server.seen[0].headers["x-api-key"] == KEY
    assert "authorization" not in server.seen[0].headers


async def test_old_callers_get_the_contracts_words(server: OpenAIServer, client: LLMClient) -> None:
    usage = {"input_tokens": 1, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 4, "output_tokens": 3}
    server.will(as_json(200, message(usage=usage)))

    response = await client.generate_response(flat())

    assert response.finish_reason == "stop"
    assert [response.usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")] == [7, 3, 10]
    assert response.metadata["raw_response"]["stop_reason"] == "end_turn"


async def test_a_conversation_with_tools_goes_there_and_back(server: OpenAIServer, client: LLMClient) -> None:
    blocks: list[Wire] = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    blocks += [{"type": "tool_use", "id": f"toolu_{city}", "name": "weather", "input": {"city": city}} for city in ("Oslo", "Bergen")]
    server.will(as_json(200, message(*blocks, stop_reason="tool_use")), as_json(200, message()))
    first = await client.respond(a_request(tools=(WEATHER,)))
    results = tuple(ToolResultPart(call_id=call.call_id, name="weather", content="grey") for call in first.tool_calls)
    history = (text_message("user", "Hi"), first.as_message(), ModelMessage(role="tool", parts=results))

    await client.respond(a_request(messages=history, tools=(WEATHER,)))

    sent = server.seen[1].json["messages"]
    assert [turn["role"] for turn in sent] == ["user", "assistant", "user"]
    assert sent[1]["content"] == blocks
    assert [block["tool_use_id"] for block in sent[2]["content"]] == ["toolu_Oslo", "toolu_Bergen"]


async def test_what_the_api_has_no_place_for_is_said(server: OpenAIServer, client: LLMClient) -> None:
    server.will(as_json(200, message()))

    response = await client.respond(a_request(seed=7, prompt_cache=PromptCache(key="k", after=("messages",))))

    assert response.metadata["warnings"] == [
        "seed was not sent: anthropic has no seed over this wire",
        "prompt_cache_key was not sent: anthropic has no prompt cache: key over this wire",
    ]
    assert "seed" not in server.seen[0].json
    assert server.seen[0].json["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}


async def test_a_schema_that_no_model_can_be_held_to_goes_into_the_prompt(server: OpenAIServer, client: LLMClient) -> None:
    server.will(as_json(200, message(text('Sure: {"a": 1}'))))

    response = await client.respond(a_request(response_schema={"type": "object"}))

    assert response.text == '{"a": 1}'
    assert "output_config" not in server.seen[0].json
    assert '{"type": "object"}' in server.seen[0].json["system"][0]["text"]


@pytest.mark.parametrize(
    "reply",
    [cut_after(sse(start(), {"type": "ping"})), streamed(sse(start(), OVERLOADED)), as_json(529, OVERLOADED)],
    ids=["only a beginning", "an error after the beginning", "an error alone"],
)
async def test_a_stream_that_fails_before_there_is_anything_to_see_is_asked_for_again(
    server: OpenAIServer, client: LLMClient, reply: Reply
) -> None:
    server.will(reply, HELLO)

    response = fold(await events_of(client))

    assert (response.text, response.attempts) == ("Hello.", 2)


async def test_a_connection_that_breaks_after_the_answer_is_whole_does_no_harm(server: OpenAIServer, client: LLMClient) -> None:
    server.will(cut_after(sse(start(), *texts("Hello."), end()[0])))

    assert fold(await events_of(client)).text == "Hello."


async def test_settings_and_the_contracts_helper_make_its_clients(server: OpenAIServer, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    settings = ProviderSettings(kind="anthropic", base_url=server.url, api_key=f"file:{tmp_path / 'key'}", model="claude-opus-5")
    server.will(*[as_json(200, message())] * 2)

    async with client_for(settings) as one, create_anthropic_client(KEY, api_endpoint=server.url) as other:
        await one.respond(a_request(model=""))
        await other.respond(a_request(model=""))

    assert [seen.json["model"] for seen in server.seen] == ["claude-opus-5", "claude-3-sonnet-20240229"]


async def test_a_server_of_ones_own_may_speak_this_wire(server: OpenAIServer) -> None:
    settings = ProviderSettings(kind="local", wire="anthropic", base_url=server.url, model="qwen3")
    server.will(as_json(200, message(text("Hej."))))

    async with client_for(settings) as client:
        response = await client.respond(a_request(model=""))

    assert isinstance(client, LocalClient)
    assert (response.text, response.provider) == ("Hej.", "local")
    assert "x-api-key" not in server.seen[0].headers
