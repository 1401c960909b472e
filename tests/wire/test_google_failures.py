"""Gemini against a local server that fails: what the error says, how much had arrived, and whether the call was made again."""

import asyncio
import json
from collections.abc import AsyncIterator

import anyio
import pytest

from polaris_llm.core.deltas import TextDelta
from polaris_llm.core.exceptions import LLMAPIError, LLMConnectionError, LLMIntegrationError, LLMResponseParsingError, LLMTimeoutError
from polaris_llm.core.providers.http_model import HttpModel
from polaris_llm.core.stream_folding import fold
from support.google_server import FINISH, FULL, events_of, model_of, texts
from support.model_requests import CALL, a_request
from support.openai_server import END, OpenAIServer, Reply, chunk, held_after, http, sse, stream_head, streamed

pytestmark = pytest.mark.anyio


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[HttpModel]:
    model = model_of(server)
    yield model
    await model.close()


async def seen_until(error: type[LLMIntegrationError], model: HttpModel) -> tuple[str, str]:
    """The text that came before an error, and the error's message."""
    said: list[str] = []

    async def listen() -> None:
        async for event in model.stream(a_request(), CALL):
            said.extend([event.text] if isinstance(event, TextDelta) else [])

    with anyio.fail_after(20), pytest.raises(error) as raised:
        await listen()
    assert "secret" not in f"{raised.value!r} {raised.value.to_dict()}"
    return "".join(said), str(raised.value)


def cut_after(*pieces: bytes) -> Reply:
    """A stream whose connection is cut after some pieces."""
    return Reply(data=stream_head() + b"".join(map(chunk, pieces)), cut=True)


@pytest.mark.parametrize(
    "reply",
    [
        cut_after(texts("Hello")),
        cut_after(texts("Hello"), texts("half")[:-20]),
        cut_after(texts("Hello"), "data: ü".encode()[:-1]),
        streamed(texts("Hello")),
        Reply(data=stream_head() + b"%x\r\n" % 1000 + texts("Hello"), cut=True),
    ],
    ids=["between events", "in an event", "in a character", "in good order", "in a chunk"],
)
async def test_a_stream_that_breaks_off_says_how_much_had_arrived(server: OpenAIServer, model: HttpModel, reply: Reply) -> None:
    server.will(reply)

    text, message = await seen_until(LLMConnectionError, model)

    assert text == "Hello"
    assert "broke off" in message
    assert message.endswith("5 characters of text, 0 of reasoning, 0 tool calls had arrived")
    assert len(server.seen) == 1  # what was seen is not said again


@pytest.mark.parametrize("reply", [cut_after(), streamed(), cut_after(b": hello\n\n"), Reply(data=b"", cut=True)])
async def test_a_stream_that_breaks_off_before_it_begins_is_asked_for_again(server: OpenAIServer, model: HttpModel, reply: Reply) -> None:
    server.will(reply, FULL)

    response = fold(await events_of(model))

    assert (response.text, response.attempts) == ("Hello.", 2)


@pytest.mark.parametrize("bare", [True, False])
async def test_an_error_in_the_stream_says_how_much_had_arrived(server: OpenAIServer, model: HttpModel, bare: bool) -> None:
    error = {"error": {"code": 500, "message": "An internal error has occurred.", "status": "INTERNAL"}}
    server.will(streamed(texts("Hello"), json.dumps(error, indent=2).encode() if bare else sse(error)))

    text, message = await seen_until(LLMAPIError, model)

    assert text == "Hello"
    assert "An internal error has occurred." in message
    assert message.endswith("5 characters of text, 0 of reasoning, 0 tool calls had arrived")
    assert len(server.seen) == 1


async def test_an_error_that_is_the_streams_first_event_is_tried_again(server: OpenAIServer, model: HttpModel) -> None:
    server.will(streamed(sse({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})), FULL)

    assert fold(await events_of(model)).attempts == 2


async def test_a_connection_that_breaks_after_the_answer_is_whole_does_no_harm(server: OpenAIServer, model: HttpModel) -> None:
    server.will(cut_after(texts("Hello."), FINISH))

    assert fold(await events_of(model)).text == "Hello."


async def test_a_server_that_does_not_hang_up_does_no_harm(server: OpenAIServer) -> None:
    server.will(held_after(texts("Hello.") + FINISH))
    model = model_of(server, timeout_s=0.5)

    assert fold(await events_of(model)).text == "Hello."

    with anyio.fail_after(5):
        await server.left.wait()
    await model.close()


async def test_a_slow_first_byte_is_told_from_a_stall(server: OpenAIServer) -> None:
    server.will(*[Reply(data=stream_head(), hold=asyncio.Event(), rest=END)] * 3, held_after(texts("Hello")))
    model = model_of(server, timeout_s=0.3)

    slow = await seen_until(LLMTimeoutError, model)
    stalled = await seen_until(LLMTimeoutError, model)

    assert (slow[0], "first_byte timeout" in slow[1]) == ("", True)
    assert (stalled[0], "idle timeout" in stalled[1], "5 characters of text" in stalled[1]) == ("Hello", True, True)
    await model.close()


@pytest.mark.parametrize("status", [502, 503])
async def test_a_page_of_html_keeps_its_status_and_is_tried_again(server: OpenAIServer, model: HttpModel, status: int) -> None:
    server.will(*[http(status, b"<html><h1>Server Error</h1></html>", {"content-type": "text/html"})] * 3)

    _, message = await seen_until(LLMAPIError, model)

    assert (f"{status}" in message, "Server Error" in message, len(server.seen)) == (True, True, 3)


async def test_a_redirect_is_not_followed(server: OpenAIServer, model: HttpModel) -> None:
    server.will(http(307, b"", {"location": "https://elsewhere.example/v1beta?key=AIza-very-secret-key"}))

    _, message = await seen_until(LLMAPIError, model)

    assert "a redirect to elsewhere.example" in message


async def test_an_empty_body_is_unreadable(server: OpenAIServer, model: HttpModel) -> None:
    server.will(http(200, b""))

    with pytest.raises(LLMResponseParsingError, match="is no JSON"):
        await model.respond(a_request(), CALL)
