"""Gemini end to end against a local server: answers as they come."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import pytest

from polaris_llm.core.deltas import TextDelta
from polaris_llm.core.providers.http_model import HttpModel
from polaris_llm.core.stream_folding import fold
from support.google_answers import answer
from support.google_server import FINISH, KEY, events_of, model_of, texts
from support.model_requests import CALL, a_request
from support.openai_server import END, JSON, OpenAIServer, Reply, as_json, chunk, held_after, http, sse, streamed

pytestmark = pytest.mark.anyio


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[HttpModel]:
    model = model_of(server)
    yield model
    await model.close()


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


async def test_leaving_a_stream_closes_its_connection(server: OpenAIServer, model: HttpModel) -> None:
    server.will(held_after(texts("Hello")))

    async with aclosing(model.stream(a_request(), CALL)) as stream:
        await anext(stream)

    with anyio.fail_after(1):
        await server.left.wait()
