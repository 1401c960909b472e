"""What holds for every wire alike, end to end against a local server: answers in every form, and every way in which they fail."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from polaris_llm.core.client import HttpClient
from polaris_llm.core.deltas import StreamEvent, TextDelta
from polaris_llm.core.exceptions import LLMAPIError, LLMConnectionError, LLMRateLimitError, LLMResponseParsingError, LLMTimeoutError
from polaris_llm.core.inference import ModelResponse
from polaris_llm.core.stream_folding import fold
from support.model_requests import CALL, a_request
from support.openai_clients import KEY
from support.openai_server import END, OpenAIServer, Reply, as_json, chunk, held_after, http, stream_head, streamed
from support.spoken_wires import WIRES, SpokenWire

pytestmark = pytest.mark.anyio

HTML = {"content-type": "text/html"}


@pytest.fixture(params=WIRES, ids=lambda wire: wire.name)
def wire(request: pytest.FixtureRequest) -> SpokenWire:
    """Each wire in turn."""
    spoken: SpokenWire = request.param
    return spoken


@pytest.fixture
async def client(server: OpenAIServer, wire: SpokenWire) -> AsyncIterator[HttpClient]:
    """A client of the server."""
    async with wire.client(server) as client:
        yield client


def cut_after(*pieces: bytes) -> Reply:
    """A stream whose connection is cut after some pieces."""
    return Reply(data=stream_head() + b"".join(map(chunk, pieces)), cut=True)


async def whole_answer(client: HttpClient) -> ModelResponse:
    with anyio.fail_after(20):
        return await client.respond(a_request(), CALL)


async def streamed_answer(client: HttpClient) -> ModelResponse:
    with anyio.fail_after(20):
        events: list[StreamEvent] = [event async for event in client.stream_events(a_request(), CALL)]
    return fold(events)


async def seen_until(error: type[Exception], client: HttpClient) -> tuple[str, str]:
    """The text that came before an error, and the error's message."""
    said: list[str] = []

    async def listen() -> None:
        async for event in client.stream_events(a_request(), CALL):
            said.extend([event.text] if isinstance(event, TextDelta) else [])

    with anyio.fail_after(20), pytest.raises(error) as raised:
        await listen()
    return "".join(said), str(raised.value)


async def test_a_stream_folds_to_the_whole_answer(server: OpenAIServer, wire: SpokenWire, client: HttpClient) -> None:
    server.will(as_json(200, wire.whole("Größe: 🎉")), streamed(wire.ended("Grö", "ße: ", "🎉")))

    whole, folded = await whole_answer(client), await streamed_answer(client)

    assert whole.text == "Größe: 🎉"
    assert (folded.parts, folded.usage, folded.finish_reason) == (whole.parts, whole.usage, whole.finish_reason)
    assert (folded.raw_finish_reason, folded.model, folded.response_id) == (whole.raw_finish_reason, whole.model, whole.response_id)


async def test_bytes_that_come_one_by_one_make_the_same_stream(server: OpenAIServer, wire: SpokenWire, client: HttpClient) -> None:
    body = b": ping\r\n\r\n" + wire.ended("Größe ", "🎉").replace(b"\n", b"\r\n")
    server.will(streamed(*(body[at : at + 1] for at in range(len(body)))))

    assert (await streamed_answer(client)).text == "Größe 🎉"


async def test_an_answer_of_a_megabyte_comes_whole(server: OpenAIServer, wire: SpokenWire, client: HttpClient) -> None:
    text = "x" * 1_000_000
    server.will(as_json(200, wire.whole(text)), streamed(wire.ended(*["x" * 1000] * 1000)))

    assert (await whole_answer(client)).text == text
    assert (await streamed_answer(client)).text == text


async def test_a_packed_answer_is_unpacked(server: OpenAIServer, wire: SpokenWire, client: HttpClient) -> None:
    packed = gzip.compress(json.dumps(wire.whole("Hello.")).encode())
    server.will(http(200, packed, {"content-type": "application/json", "content-encoding": "gzip"}))

    assert (await whole_answer(client)).text == "Hello."


@pytest.mark.parametrize("content_type", [{}, {"content-type": "text/plain"}, {"content-type": "application/json"}])
async def test_a_wrong_content_type_hides_no_answer(
    server: OpenAIServer, wire: SpokenWire, client: HttpClient, content_type: dict[str, str]
) -> None:
    server.will(http(200, json.dumps(wire.whole("Hello.")).encode(), content_type), streamed(wire.ended("Hello."), headers=content_type))

    assert (await whole_answer(client)).text == (await streamed_answer(client)).text == "Hello."


async def test_a_server_that_does_not_stream_is_understood(server: OpenAIServer, wire: SpokenWire, client: HttpClient) -> None:
    server.will(as_json(200, wire.whole("Hello.")))

    assert (await streamed_answer(client)).text == "Hello."


@pytest.mark.parametrize("body", [b"", b"<h1>Welcome</h1>", b'{"answer": '], ids=["empty", "HTML", "half JSON"])
async def test_an_answer_that_cannot_be_read_is_told(server: OpenAIServer, wire: SpokenWire, client: HttpClient, body: bytes) -> None:
    server.will(http(200, body))

    with pytest.raises(LLMResponseParsingError, match="is no JSON") as raised:
        await whole_answer(client)

    assert KEY not in f"{raised.value} {raised.value.to_dict()}"


@pytest.mark.parametrize("answer", [whole_answer, streamed_answer])
@pytest.mark.parametrize(
    "reply",
    [
        as_json(429, {"error": {"type": "rate_limit_error", "message": "slow down"}}, {"retry-after-ms": "1"}),
        http(502, b"<html><h1>Bad Gateway</h1></html>", HTML),
        http(503, b""),
        Reply(data=b"", cut=True),
    ],
    ids=["429", "HTML 502", "empty 503", "no reply"],
)
async def test_a_failure_that_may_pass_is_tried_again(
    server: OpenAIServer, wire: SpokenWire, client: HttpClient, reply: Reply, answer: Any
) -> None:
    server.will(reply, streamed(wire.ended("Hello.")) if answer is streamed_answer else as_json(200, wire.whole("Hello.")))

    response = await answer(client)

    assert (response.text, response.attempts) == ("Hello.", 2)


async def test_a_limit_that_stays_is_told_with_its_wait(server: OpenAIServer, wire: SpokenWire) -> None:
    server.will(as_json(429, {"error": {"type": "rate_limit_error", "message": "slow down"}}, {"retry-after": "7"}))

    async with wire.client(server, max_retries=0) as client:
        with pytest.raises(LLMRateLimitError, match="slow down") as raised:
            await whole_answer(client)

    assert raised.value.retry_after == 7.0


async def test_a_redirect_is_not_followed(server: OpenAIServer, wire: SpokenWire, client: HttpClient) -> None:
    server.will(http(307, b"", {"location": "https://elsewhere.example/v1"}))

    with pytest.raises(LLMAPIError, match=r"a redirect to elsewhere\.example, which is not followed"):
        await whole_answer(client)

    assert len(server.seen) == 1


@pytest.mark.parametrize("rest", [b"", b'data: {"half', "data: ü".encode()[:-1]], ids=["between events", "in an event", "in a character"])
async def test_a_stream_that_is_cut_says_how_much_had_arrived(
    server: OpenAIServer, wire: SpokenWire, client: HttpClient, rest: bytes
) -> None:
    server.will(cut_after(wire.begun("Hello"), *([rest] if rest else [])))

    text, told = await seen_until(LLMConnectionError, client)

    assert text == "Hello"
    assert "broke off" in told
    assert told.endswith("5 characters of text, 0 of reasoning, 0 tool calls had arrived")
    assert len(server.seen) == 1  # what was seen is not said again


async def test_a_stream_that_ends_early_in_good_order_is_an_error_too(server: OpenAIServer, wire: SpokenWire, client: HttpClient) -> None:
    server.will(streamed(wire.begun("Hello")))

    assert (await seen_until(LLMConnectionError, client))[0] == "Hello"


async def test_a_stream_that_breaks_off_before_it_begins_is_asked_for_again(
    server: OpenAIServer, wire: SpokenWire, client: HttpClient
) -> None:
    server.will(cut_after(b": ping\n\n"), streamed(wire.ended("Hello.")))

    response = await streamed_answer(client)

    assert (response.text, response.attempts) == ("Hello.", 2)


async def test_an_error_in_the_stream_says_how_much_had_arrived(server: OpenAIServer, wire: SpokenWire, client: HttpClient) -> None:
    server.will(streamed(wire.begun("Hello"), wire.broken))

    text, told = await seen_until(LLMAPIError, client)

    assert text == "Hello"
    assert "out of memory" in told
    assert told.endswith("5 characters of text, 0 of reasoning, 0 tool calls had arrived")


async def test_an_error_that_is_the_streams_first_event_is_tried_again(server: OpenAIServer, wire: SpokenWire, client: HttpClient) -> None:
    server.will(streamed(wire.broken), streamed(wire.ended("Hello.")))

    assert (await streamed_answer(client)).attempts == 2


async def test_a_stall_is_told_from_a_slow_first_byte(server: OpenAIServer, wire: SpokenWire) -> None:
    server.will(held_after(wire.begun("Hello")), Reply(data=stream_head(), hold=asyncio.Event(), rest=END))

    async with wire.client(server, timeout=1.0, max_retries=0) as client:
        _, stalled = await seen_until(LLMTimeoutError, client)
        _, slow = await seen_until(LLMTimeoutError, client)

    assert "idle timeout" in stalled
    assert "5 characters of text" in stalled
    assert "first_byte timeout" in slow


async def test_leaving_a_stream_closes_its_connection_at_once(server: OpenAIServer, wire: SpokenWire, client: HttpClient) -> None:
    server.will(held_after(wire.begun("Hello")))

    async with aclosing(client.stream_events(a_request(), CALL)) as stream:
        await anext(stream)

    with anyio.fail_after(1):
        await server.left.wait()
