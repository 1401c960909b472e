"""The keys of all providers, over every wire: found when a call needs them, shown in one header, and told by nothing."""

import html
import json
import logging
import pickle
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import anyio
import pytest
from pydantic import SecretStr

from polaris_llm.core.events import event_to_json
from polaris_llm.core.exceptions import LLMIntegrationError
from polaris_llm.core.llm_client import LLMClient
from support.cases import HELLO, Case, events_of
from support.model_requests import CALL, a_request
from support.openai_server import OpenAIServer, Reply, as_json, chunk, held_after, http, sse, stream_head
from support.sessions import a_world

pytestmark = pytest.mark.anyio

AWKWARD = 'sk-<very>&"secret"/+=key'
"""A key that JSON, pages and URLs each spell in a way of their own."""
TOKEN = "gateway-token-4711"
"""Of a gateway, in a header of the settings."""


def shown(case: Case, server: OpenAIServer) -> list[str]:
    """The keys that came, without the scheme that some wires put before them."""
    return [seen.headers[case.key_header].removeprefix("Bearer ") for seen in server.seen]


async def ask(client: LLMClient, case: Case, server: OpenAIServer) -> None:
    """One question that is answered."""
    server.will(as_json(200, case.dialect.whole(HELLO)))
    await client.respond(a_request(), CALL)


async def test_a_key_in_a_file_is_rotated_without_a_new_client(case: Case, server: OpenAIServer, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("first-key")
    async with case.client(server, api_key=f"file:{path}") as client:
        await ask(client, case, server)
        path.write_text("second-key")
        await ask(client, case, server)

    assert shown(case, server) == ["first-key", "second-key"]


async def test_a_function_gives_each_call_its_key(case: Case, server: OpenAIServer) -> None:
    keys = iter(["first-key", "second-key"])
    async with case.client(server, api_key=lambda: next(keys)) as client:
        await ask(client, case, server)
        await ask(client, case, server)

    assert shown(case, server) == ["first-key", "second-key"]


async def test_of_several_keys_the_one_is_taken_that_is_least_in_use(case: Case, server: OpenAIServer) -> None:
    keys = [SecretStr(f"key-number-{number}") for number in range(3)]
    server.will(held_after())
    async with case.client(server, api_key=None, api_keys=keys) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(events_of, client)
        with anyio.fail_after(10):
            await server.arrived.wait()
        for _ in range(3):
            await ask(client, case, server)
        tasks.cancel_scope.cancel()

    assert shown(case, server) == ["key-number-0", "key-number-1", "key-number-2", "key-number-1"]


async def test_a_call_whose_key_is_refused_is_made_with_another_one(case: Case, server: OpenAIServer) -> None:
    server.will(as_json(401, {"error": {"message": "no such key"}}), as_json(200, case.dialect.whole(HELLO)))
    keys = [SecretStr("first-key"), SecretStr("second-key")]
    async with case.client(server, api_key=None, api_keys=keys, max_retries=1) as client:
        response = await client.respond(a_request(), CALL)

    assert response.attempts == 2
    assert shown(case, server) == ["first-key", "second-key"]


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


def _event(text: str) -> Reply:
    return Reply(data=stream_head() + chunk(sse({"error": {"message": text, "code": text}})), cut=True)


ECHOES = {
    "in JSON": lambda text: as_json(400, {"error": {"message": text, "code": text, "type": text, "status": text}}),
    "in JSON, escaped": lambda text: http(401, f'{{"error": {{"message": "{_escaped(text)}"}}}}'.encode()),
    "in a page": lambda text: http(500, f"<html>{html.escape(text)}</html>".encode(), {"content-type": "text/html"}),
    "in a URL": lambda text: http(403, f"not allowed: ?key={quote(text, safe='')}".encode()),
    "in headers": lambda text: http(429, b"", {"x-request-id": text, "request-id": text, "content-type": text}),
    "in a redirect": lambda text: http(302, b"", {"location": f"https://{quote(text, safe='')}.example/?{text}"}),
    "in an answer": lambda text: http(200, json.dumps([text]).encode(), {"content-type": text}),
    "in an event": _event,
}
"""What a gateway answers that repeats what it was shown."""


def told(error: LLMIntegrationError) -> str:
    """All that an error says, to people, to programs and to other processes, however its characters are spelled."""
    parts = [str(error), repr(error), repr(vars(error)), json.dumps(error.to_dict()), repr(pickle.dumps(error)), repr(error.__cause__)]
    return unquote(html.unescape(" ".join(parts).replace('\\"', '"')))


@pytest.mark.parametrize("echo", ECHOES)
async def test_what_a_gateway_repeats_is_told_by_nothing(
    case: Case, server: OpenAIServer, caplog: pytest.LogCaptureFixture, echo: str
) -> None:
    caplog.set_level(logging.DEBUG)
    settings: dict[str, Any] = {"api_key": SecretStr(AWKWARD), "headers": {"X-Gateway-Token": f"Token {TOKEN}"}}
    server.will(*[ECHOES[echo](f"{scheme}{secret}") for scheme in ("", "Bearer ") for secret in (AWKWARD, TOKEN)])
    async with case.client(server, **settings) as client:
        errors = []
        for _ in range(4):
            with pytest.raises(LLMIntegrationError) as caught:
                await events_of(client)
            errors.append(caught.value)

    world = await a_world(errors[0])
    await world.run()

    journal = " ".join(map(event_to_json, world.journal.log))
    said = f"{[told(error) for error in errors]} {journal} {caplog.text} {client.config!r} {client!r}"
    assert [secret for secret in (AWKWARD, TOKEN, "very>&") if secret in said] == []
    assert TOKEN in server.seen[0].headers["x-gateway-token"]
    assert not any(AWKWARD in seen.line or AWKWARD in seen.body.decode() for seen in server.seen)
