"""What a provider's settings do to its calls, end to end."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from polaris_llm.core.client_factory import client_for
from polaris_llm.core.deltas import StreamFinished
from polaris_llm.core.exceptions import LLMConfigurationError, LLMConnectionError, LLMResponseParsingError
from polaris_llm.core.inference import ModelRequest, PromptCache
from polaris_llm.core.parts import text_message
from polaris_llm.core.provider_settings import ProviderSettings
from polaris_llm.core.settings import Settings
from polaris_llm.core.stream_folding import fold
from support.http2_server import Http2Server
from support.model_requests import CALL, a_request
from support.openai_server import FINISH, OpenAIServer, as_json, completion, streamed, texts

pytestmark = pytest.mark.anyio


def settings(server: OpenAIServer, **changes: object) -> ProviderSettings:
    given = {"kind": "openai", "model": "m", "base_url": server.url, "api_key": SecretStr("sk-very-secret-key"), "max_retries": 0}
    return ProviderSettings.model_validate({**given, **changes})


async def test_an_entra_token_is_asked_for_before_each_call(server: OpenAIServer) -> None:
    azure = settings(server, kind="azure", api_key=None, entra_token="call:support.secret_functions:renewed", api_version="2024-10-21")
    async with client_for(azure) as client:
        for _ in range(2):
            await client.respond(a_request(model="depl"), CALL)

    first, second = (seen.headers["authorization"] for seen in server.seen)
    assert first.startswith("Bearer token-")
    assert first != second
    assert server.seen[0].line == "POST /v1/openai/deployments/depl/chat/completions?api-version=2024-10-21 HTTP/1.1"


async def test_further_headers_go_with_every_call_and_win(server: OpenAIServer) -> None:
    async with client_for(settings(server, headers={"OpenAI-Organization": "org-1", "authorization": "Basic abc"})) as client:
        await client.respond(a_request(), CALL)

    assert (server.seen[0].headers["openai-organization"], server.seen[0].headers["authorization"]) == ("org-1", "Basic abc")


async def test_http2_is_not_even_offered_unless_it_is_asked_for(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.set_alpn_protocols(["h2", "http/1.1"])
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    async with OpenAIServer(tls) as server, client_for(settings(server, ca_file=str(tmp_path / "ca.pem"))) as client:
        assert (await client.respond(a_request(), CALL)).text == "Hello."  # a server that had settled on HTTP/2 would not be understood


async def test_http2_falls_back_where_the_server_cannot(server: OpenAIServer) -> None:
    server.will(as_json(200, completion()))
    async with client_for(settings(server, http2=True)) as client:
        assert (await client.respond(a_request(), CALL)).text == "Hello."


async def test_http2_has_the_same_errors() -> None:
    async with OpenAIServer() as gone:
        client = client_for(settings(gone, http2=True))

    with pytest.raises(LLMConnectionError, match="could not be reached"):
        await client.respond(a_request(), CALL)


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
async def test_a_ca_file_makes_a_server_of_ones_own_trusted(tmp_path: Path, http2: bool) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    async with OpenAIServer(tls) as server:
        async with client_for(settings(server, http2=http2, ca_file=str(tmp_path / "ca.pem"))) as client:
            assert (await client.respond(a_request(), CALL)).text == "Hello."
        async with client_for(settings(server, http2=http2)) as client:
            with pytest.raises(LLMConnectionError, match="certificate verify failed") as caught:
                await client.respond(a_request(), CALL)

    assert not caught.value.retryable


async def test_http2_is_spoken_with_a_server_that_can_and_calls_share_a_connection(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    given = {"kind": "local", "model": "m", "http2": True, "ca_file": str(tmp_path / "ca.pem")}
    async with Http2Server(tls) as server, client_for(ProviderSettings.model_validate({**given, "base_url": server.url})) as client:
        first = await client.respond(a_request(), CALL)
        answers = await asyncio.gather(*(client.respond(a_request(), CALL) for _ in range(5)))

    assert {answer.text for answer in (first, *answers)} == {"Hello."}
    assert (server.paths, server.connections) == (["/v1/chat/completions"] * 6, 1)


@pytest.mark.parametrize(("text", "problem"), [(None, "No such file"), ("no certificate", "give a PEM file")])
def test_a_ca_file_without_certificates_is_told_when_the_client_is_made(tmp_path: Path, text: str | None, problem: str) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    provider = ProviderSettings(kind="local", model="m", base_url="https://localhost:1", ca_file=str(path))

    with pytest.raises(LLMConfigurationError, match=problem):
        client_for(provider)


def test_a_header_that_http_cannot_carry_is_refused_and_not_repeated() -> None:
    with pytest.raises(LLMConfigurationError, match="printable ASCII") as caught:
        Settings.load({"llm": {"kind": "mock", "headers": {"x-key": "secret\nvalue"}}})

    assert "secret\nvalue" not in str(caught.value)


async def test_what_was_left_out_of_a_request_is_told_with_its_answer(server: OpenAIServer) -> None:
    server.will(as_json(200, completion()), streamed(texts("Hi"), FINISH))
    async with client_for(settings(server, lacks=["seed"])) as client:
        response = await client.respond(a_request(seed=7), CALL)
        *_, end = [event async for event in client.stream_events(a_request(seed=7), CALL)]

    assert "seed" not in server.seen[0].json
    assert isinstance(end, StreamFinished)
    for metadata in (response.metadata, end.metadata):
        assert metadata["warnings"] == ["seed was not sent: openai has no seed over this wire"]


async def test_a_server_without_schemas_is_asked_by_the_prompt_also_in_a_stream(server: OpenAIServer) -> None:
    wrong, right = ({"role": "assistant", "content": text} for text in ("many", '{"servers": 3}'))
    server.will(*[as_json(200, completion(message)) for message in (wrong, right)] * 2)
    asked = a_request(response_schema={"type": "object", "required": ["servers"]})
    async with client_for(settings(server, lacks=["json_schema"])) as client:
        response = await client.respond(asked, CALL)
        streamed_response = fold([event async for event in client.stream_events(asked, CALL)])

    assert response.text == streamed_response.text == '{"servers": 3}'
    assert response.usage.total_tokens == 28
    assert all("response_format" not in seen.json for seen in server.seen)


async def test_a_model_that_the_settings_name_is_named_in_what_it_did_wrong(server: OpenAIServer) -> None:
    server.will(*[as_json(200, completion({"role": "assistant", "content": "many"}))] * 2)
    asked = a_request(model="", response_schema={"type": "object"})
    async with client_for(settings(server, lacks=["json_schema"])) as client:
        with pytest.raises(LLMResponseParsingError, match="model 'm' gave no answer that satisfies the schema"):
            await client.respond(asked, CALL)


@pytest.mark.parametrize(("base_model", "takes_temperature"), [("gpt-5", False), ("gpt-4o", True)])
async def test_a_deployment_is_asked_as_the_model_that_it_deploys(server: OpenAIServer, base_model: str, takes_temperature: bool) -> None:
    async with client_for(settings(server, kind="azure", model="our-judge", base_model=base_model)) as client:
        await client.respond(ModelRequest(model="", messages=(text_message("user", "Hi"),)), CALL)

    (seen,) = server.seen
    assert seen.json["model"] == "our-judge"
    assert ("temperature" in seen.json) == takes_temperature


async def test_extras_of_a_wire_that_there_is_not_are_told(server: OpenAIServer) -> None:
    async with client_for(settings(server)) as client:
        response = await client.respond(a_request(extras={"opnai_chat": {"logprobs": True}, "openai_chat": {"n": 1}}), CALL)

    assert response.metadata["warnings"] == ["extras of 'opnai_chat' were not sent: no wire has this name; this one is 'openai_chat'"]
    assert server.seen[0].json["n"] == 1


async def test_what_the_settings_wish_for_goes_with_every_request_that_does_not_say(server: OpenAIServer) -> None:
    wished = {"top_p": 0.9, "reasoning_effort": "low", "service_tier": "flex", "prompt_cache": {"key": "farm", "ttl": "1h"}}
    async with client_for(settings(server, **wished)) as client:
        await client.respond(a_request(), CALL)
        await client.respond(a_request(reasoning_effort="high", prompt_cache=PromptCache(key="mine")), CALL)

    names = ("top_p", "reasoning_effort", "service_tier", "prompt_cache_key", "prompt_cache_retention")
    assert [[seen.json.get(name) for name in names] for seen in server.seen] == [
        [0.9, "low", "flex", "farm", "24h"],
        [0.9, "high", "flex", "mine", None],
    ]
