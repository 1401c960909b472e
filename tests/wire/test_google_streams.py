"""Gemini end to end against a local server: answers as they come, and what goes wrong on the way."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from polaris_llm.core.deltas import StreamEvent, TextDelta
from polaris_llm.core.exceptions import LLMAPIError, LLMConnectionError, LLMIntegrationError, LLMResponseParsingError, LLMTimeoutError
from polaris_llm.core.providers.attempts import RetryPolicy
from polaris_llm.core.providers.google import GoogleCodec
from polaris_llm.core.providers.http_model import HttpModel
from polaris_llm.core.providers.transport import HttpTransport
from polaris_llm.core.stream_folding import fold
from support.google_answers import answer
from support.model_requests import CALL, a_request
from support.openai_server import END, JSON, OpenAIServer, Reply, as_json, chunk, held_after, http, sse, stream_head, streamed

pytestmark = pytest.mark.anyio

KEY = "AIza-very-secret-key"
FINISH = sse(answer())
FULL = streamed(sse(answer({"text": "Hello."}, finish_reason=None)), FINISH)


def texts(*pieces: str) -> bytes:
    """The events of some text."""
    return sse(*(answer({"text": text}, finish_reason=None, usageMetadata=None) for text in pieces))


def model_of(server: OpenAIServer, timeout_s: float = 5.0) -> HttpModel:
    """A model at the server that is quick to try again."""
    codec = GoogleCodec(base_url=server.url.removesuffix("/v1"), api_key=KEY)
    return HttpModel(codec, HttpTransport(), RetryPolicy(max_attempts=3, timeout_s=timeout_s, base_delay_s=0.01))


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[HttpModel]:
    model = model_of(server)
    yield model
    await model.close()


async def events_of(model: HttpModel) -> list[StreamEvent]:
    """All events of a request's stream."""
    with anyio.fail_after(20):
        return [event async for event in model.stream(a_request(), CALL)]


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


async def test_text_is_there_before_the_answer_is_whole(server: OpenAIServer, model: HttpModel) -> None:
    hold = asyncio.Event()
    server.will(held_after(texts("Hel"), hold=hold, rest=chunk(texts("lo.") + FINISH) + END))

    with anyio.fail_after(10):
        async with aclosing(model.stream(a_request(), CALL)) as stream:
            first = await anext(stream)
            hold.set()
            rest = [event async for event in stream]

    assert first == TextDelta(text="Hel")
    assert fold([first, *rest]).text == "Hello."


async def test_a_stream_folds_to_what_the_server_would_have_answered(server: OpenAIServer, model: HttpModel) -> None:
    parts: list[dict[str, Any]] = [
        {"text": "Hm.", "thought": True},
        {"text": "Größe: 🎉"},
        {"functionCall": {"name": "weather", "args": {"city": "Bern"}}},
    ]
    server.will(
        as_json(200, answer(*parts)),
        streamed(sse(*(answer(part, finish_reason=None, usageMetadata=None) for part in parts)) + FINISH),
    )

    whole = await model.respond(a_request(), CALL)
    response = fold(await events_of(model))

    assert (response.parts, response.usage, response.finish_reason) == (whole.parts, whole.usage, whole.finish_reason)
    assert (response.model, response.response_id, response.provider) == (whole.model, whole.response_id, whole.provider)
    assert [seen.line.split(" ")[1].rpartition(":")[2] for seen in server.seen] == ["generateContent", "streamGenerateContent?alt=sse"]
    assert server.seen[0].body == server.seen[1].body


async def test_the_key_is_in_a_header_and_in_no_line(server: OpenAIServer, model: HttpModel) -> None:
    server.will(as_json(200, answer({"text": "Hi"})))

    await model.respond(a_request(), CALL)

    [seen] = server.seen
    assert (seen.headers["x-goog-api-key"], "secret" in seen.line) == (KEY, False)


async def test_bytes_that_come_one_by_one_make_the_same_stream(server: OpenAIServer, model: HttpModel) -> None:
    body = b": ping\r\n\r\n" + (texts("Größe ", "🎉") + FINISH).replace(b"\n", b"\r\n")
    server.will(streamed(*(body[at : at + 1] for at in range(len(body)))))

    assert fold(await events_of(model)).text == "Größe 🎉"


async def test_a_payload_may_take_several_lines(server: OpenAIServer, model: HttpModel) -> None:
    lines = json.dumps(answer({"text": "Hello."}), indent=1).splitlines()
    server.will(streamed("".join(f"data: {line}\n" for line in lines).encode() + b"\n"))

    assert fold(await events_of(model)).text == "Hello."


async def test_an_answer_of_a_megabyte_streams(server: OpenAIServer, model: HttpModel) -> None:
    words = ["x" * 999 + " "] * 1000
    server.will(streamed(texts(*words), FINISH), streamed(texts("".join(words)), FINISH))

    assert fold(await events_of(model)).text == "".join(words)
    assert fold(await events_of(model)).text == "".join(words)


@pytest.mark.parametrize(
    "reply",
    [
        as_json(200, answer({"text": "Hello."})),
        as_json(200, [answer({"text": "Hel"}, finish_reason=None), answer({"text": "lo."})]),
        streamed(texts("Hello."), FINISH, headers={"content-type": "application/json"}),
        streamed(texts("Hello."), FINISH, headers={}),
        http(200, gzip.compress(json.dumps(answer({"text": "Hello."})).encode()), JSON | {"content-encoding": "gzip"}),
    ],
    ids=["whole", "as a list", "of a wrong type", "of no type", "packed"],
)
async def test_a_server_that_streams_in_another_way_is_understood(server: OpenAIServer, model: HttpModel, reply: Reply) -> None:
    server.will(reply)

    assert fold(await events_of(model)).text == "Hello."


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


async def test_leaving_a_stream_closes_its_connection(server: OpenAIServer, model: HttpModel) -> None:
    server.will(held_after(texts("Hello")))

    async with aclosing(model.stream(a_request(), CALL)) as stream:
        await anext(stream)

    with anyio.fail_after(1):
        await server.left.wait()


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
