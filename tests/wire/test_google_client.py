"""The client of Google's Gemini, as the contract's users and the runtime's have it."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from polaris_llm.core.client import GoogleClient, HttpOptions
from polaris_llm.core.exceptions import LLMConfigurationError, LLMQuotaExceededError, LLMRateLimitError
from polaris_llm.core.inference import FinishReason, PromptCache
from polaris_llm.core.models import LLMRequest, LLMResponse, Message, MessageRole, ToolCall
from polaris_llm.core.stream_folding import fold
from support.google_answers import DATA, answer, payload
from support.google_server import client_of
from support.model_requests import CALL, WEATHER, RecordingGate, a_request
from support.openai_server import OpenAIServer, as_json, sse, streamed

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(server: OpenAIServer) -> AsyncIterator[GoogleClient]:
    async with client_of(server) as client:
        yield client


def flat(*messages: Message) -> LLMRequest:
    """A flat request with the tool that tells the weather."""
    return LLMRequest(list(messages), "gemini-3-pro-preview", tools=[WEATHER.to_openai_format()])


async def flat_turns(server: OpenAIServer, client: GoogleClient, *, parts: bool) -> tuple[LLMResponse, dict[str, Any]]:
    """A turn that called tools, and what is sent when it goes on; an old caller passes no typed parts on."""
    question = Message(MessageRole.USER, "Weather?")
    server.will(as_json(200, payload("tool_calls")), as_json(200, answer({"text": "Grey."})))
    response = await client.generate_response(flat(question))
    calls = [ToolCall(call.name, call.arguments, call_id=call.call_id) for call in response.function_calls]
    called = Message(MessageRole.ASSISTANT, response.content, tool_calls=calls, parts=response.parts if parts else ())
    results = [Message(MessageRole.TOOL, "grey", tool_call_id=call.call_id) for call in calls]

    await client.generate_response(flat(question, called, *results))

    return response, server.seen[1].json


async def test_the_contracts_users_call_tools_and_answer_them(server: OpenAIServer, client: GoogleClient) -> None:
    response, sent = await flat_turns(server, client, parts=True)

    assert (response.content, response.finish_reason) == ("I will look at both cities.", "tool_calls")
    assert [call.arguments for call in response.function_calls] == [{"city": "Zürich"}, {"city": "Bern"}]
    assert response.usage == {"prompt_tokens": 61, "completion_tokens": 124, "total_tokens": 185, "reasoning_tokens": 88}
    assert response.metadata["raw_response"] == payload("tool_calls")
    assert sent["contents"][1] == payload("tool_calls")["candidates"][0]["content"]
    assert [part["functionResponse"]["id"] for part in sent["contents"][2]["parts"]] == ["fc_1", "fc_2"]


async def test_old_callers_that_know_no_signatures_are_not_refused_for_that(server: OpenAIServer, client: GoogleClient) -> None:
    _, sent = await flat_turns(server, client, parts=False)

    assert [("functionCall" in part, "thoughtSignature" in part) for part in sent["contents"][1]["parts"]] == [
        (False, False),
        (True, True),
        (True, False),
    ]
    assert [part["functionResponse"]["response"] for part in sent["contents"][2]["parts"]] == [{"output": "grey"}] * 2


async def test_a_blocked_prompt_is_seen_by_the_contracts_users(server: OpenAIServer, client: GoogleClient) -> None:
    server.will(as_json(200, payload("blocked")))

    response = await client.generate_response(flat(Message(MessageRole.USER, "Hi")))

    assert (response.content, response.finish_reason) == ("", FinishReason.CONTENT_FILTER.value)
    assert response.metadata["raw_finish_reason"] == "PROHIBITED_CONTENT"


async def test_generate_stream_gives_text_only(server: OpenAIServer, client: GoogleClient) -> None:
    server.will(streamed((DATA / "tool_calls.sse").read_bytes()))

    with anyio.fail_after(10):
        pieces = [text async for text in client.generate_stream(flat(Message(MessageRole.USER, "Weather?")))]

    assert pieces == ["I will look at ", "both cities."]


async def test_a_rate_limit_of_a_minute_is_waited_for_and_one_of_a_day_is_not(server: OpenAIServer) -> None:
    limited = payload("rate_limit")
    limited["error"]["message"] = "You exceeded your current quota.\nPlease retry in 20.5ms."
    limited["error"]["details"] = []
    server.will(as_json(429, limited), streamed(sse(answer({"text": "Hello."}))), as_json(429, payload("daily_quota")))
    gate = RecordingGate()

    async with client_of(server, HttpOptions(gate=gate)) as client:
        response = fold([event async for event in client.stream_events(a_request(), CALL)])
        with pytest.raises(LLMQuotaExceededError):
            await client.respond(a_request(), CALL)

    error = gate.reports[0][1]
    assert isinstance(error, LLMRateLimitError)
    assert (error.retry_after, response.attempts, len(server.seen)) == (0.0205, 2, 3)


async def test_what_gemini_cannot_be_told_is_said(server: OpenAIServer, client: GoogleClient) -> None:
    server.will(as_json(200, answer({"text": "Hi"})))

    response = await client.respond(a_request(prompt_cache=PromptCache(key="k", ttl="1h")), CALL)

    assert response.metadata["warnings"] == [
        "prompt_cache_key was not sent: google has no prompt cache: key over this wire",
        "prompt_cache_ttl was not sent: google has no prompt cache: how long over this wire",
    ]
    with pytest.raises(LLMConfigurationError, match="google has no tools one by one"):
        await client.respond(a_request(tools=(WEATHER,), parallel_tool_calls=False), CALL)


async def test_tuned_models_are_asked_under_their_own_name(server: OpenAIServer, client: GoogleClient) -> None:
    server.will(as_json(200, answer({"text": "Hi"}, modelVersion=None)))

    response = await client.respond(a_request(model="tunedModels/my-model-1"), CALL)

    assert server.seen[0].line == "POST /v1beta/tunedModels/my-model-1:generateContent HTTP/1.1"
    assert response.model == "tunedModels/my-model-1"
