"""No wire tells the key that it is asked with, whatever the server sends back."""

import json

import pytest
from pydantic import SecretStr

from polaris_llm.core.exceptions import LLMIntegrationError
from polaris_llm.core.http_client import HttpOptions
from polaris_llm.core.provider_settings import ProviderSettings
from polaris_llm.core.providers.exchange import Codec, HttpReply
from polaris_llm.core.providers.registry import PROVIDERS, Endpoint
from support.model_requests import a_request

KEY = "sk-very-secret-key"


CODECS = [
    pytest.param(
        wire.codec(Endpoint(provider=provider.name, base_url="https://example.com", api_key=KEY)), id=f"{provider.name}-{wire.name}"
    )
    for provider in PROVIDERS.values()
    for wire in provider.wires
]


def a_reply(status: int, body: str, **headers: str) -> HttpReply:
    """What the server sends back."""
    return HttpReply(status=status, headers=headers, body=body.encode(), received_at=0.0)


def told(error: LLMIntegrationError) -> str:
    """All that an error says, wherever it is shown."""
    return f"{error} {error!r} {error.to_dict()} {vars(error)}"


ECHO = json.dumps({"error": {"code": KEY, "type": KEY, "status": KEY, "message": f"no such key: {KEY}", "param": KEY}})


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "reply",
    [
        a_reply(401, ECHO),
        a_reply(500, f"<html>{KEY}</html>"),
        a_reply(307, "", location=f"https://somebody:{KEY}@elsewhere.example/{KEY}?key={KEY}"),
    ],
    ids=["everywhere in JSON", "in a page", "in a redirect"],
)
def test_an_error_does_not_repeat_the_key_that_a_server_repeats(codec: Codec, reply: HttpReply) -> None:
    error = codec.decode_error(codec.encode(a_request()), reply)

    assert KEY not in told(error)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("body", [f"{{{KEY}", f'["{KEY}"]', ECHO])
def test_neither_does_one_of_an_answer_that_cannot_be_used(codec: Codec, body: str) -> None:
    call, head = codec.encode_stream(a_request()), a_reply(200, "")

    with pytest.raises(LLMIntegrationError) as whole:
        codec.decode(call, a_reply(200, body))
    with pytest.raises(LLMIntegrationError) as streamed:
        list(codec.stream_decoder(call, head).feed(f"event: error\ndata: {body}\n\n".encode()))

    assert KEY not in told(whole.value) + told(streamed.value)


@pytest.mark.parametrize("codec", CODECS)
def test_the_key_stands_in_one_header_and_nowhere_else(codec: Codec) -> None:
    for call in (codec.encode(a_request()), codec.encode_stream(a_request())):
        assert [KEY in value for value in call.headers.values()].count(True) == 1
        assert KEY not in f"{call.url} {call.body!r} {call!r} {call.facts} {codec!r}"


def test_headers_of_the_settings_may_be_secret_and_are_not_shown() -> None:
    settings = ProviderSettings(kind="openai", model="m", api_key=SecretStr(KEY), headers={"x-token": KEY})

    assert KEY not in f"{settings!r} {settings} {HttpOptions(headers=settings.headers)!r}"
