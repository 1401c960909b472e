"""Where Azure is asked, and how it is shown who asks."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from polaris_llm.core.client import AzureOpenAIClient
from polaris_llm.core.client_factory import LLMClientFactory, client_for, create_azure_client
from polaris_llm.core.exceptions import (
    LLMAuthenticationError,
    LLMConfigurationError,
    LLMContentFilterError,
    LLMContextWindowError,
    LLMNotFoundError,
    LLMOverloadedError,
    LLMPermissionError,
    LLMRateLimitError,
)
from polaris_llm.core.models import LLMConfiguration, LLMProvider
from polaris_llm.core.provider_settings import ProviderSettings
from polaris_llm.core.providers.azure import Deployment
from polaris_llm.core.providers.exchange import Codec, HttpReply
from polaris_llm.core.providers.registry import PROVIDERS, Endpoint
from support.model_requests import a_request

KEY = "azure-very-secret-key"
HOST = "https://farm.openai.azure.com"
ERRORS = Path(__file__).parents[1] / "data" / "azure" / "errors"


def codec(endpoint: str = HOST, api_version: str | None = None, *, bearer: bool = False) -> Codec:
    at = Endpoint(provider="azure", base_url=endpoint, api_key=KEY, api_version=api_version, bearer=bearer)
    return PROVIDERS["azure"].wire().codec(at)


@pytest.mark.parametrize(
    ("endpoint", "api_version", "url"),
    [
        (HOST, "2024-10-21", f"{HOST}/openai/deployments/my%20model/chat/completions?api-version=2024-10-21"),
        (f"{HOST}/", "2024-10-21", f"{HOST}/openai/deployments/my%20model/chat/completions?api-version=2024-10-21"),
        (f"{HOST}/openai/deployments/other", "2024-10-21", f"{HOST}/openai/deployments/other/chat/completions?api-version=2024-10-21"),
        (
            "https://gate.example/x/openai",
            "2024-10-21",
            "https://gate.example/x/openai/deployments/my%20model/chat/completions?api-version=2024-10-21",
        ),
        (HOST, None, f"{HOST}/openai/v1/chat/completions"),
        (f"{HOST}/openai/v1/", None, f"{HOST}/openai/v1/chat/completions"),
        (HOST, "preview", f"{HOST}/openai/v1/chat/completions?api-version=preview"),
    ],
)
def test_a_dated_version_asks_the_deployment_and_none_the_surface_v1(endpoint: str, api_version: str | None, url: str) -> None:
    call = codec(endpoint, api_version).encode(a_request(model="my model"))

    assert call.url == url
    assert json.loads(call.body)["model"] == "my model"


@pytest.mark.parametrize(
    ("api_version", "url"),
    [
        (None, f"{HOST}/openai/v1/responses"),
        ("preview", f"{HOST}/openai/v1/responses?api-version=preview"),
        ("2025-04-01-preview", f"{HOST}/openai/responses?api-version=2025-04-01-preview"),
    ],
)
def test_responses_have_no_path_for_each_deployment(api_version: str | None, url: str) -> None:
    at = Endpoint(provider="azure", base_url=f"{HOST}/openai/deployments/other", api_key=KEY, api_version=api_version)

    assert PROVIDERS["azure"].wire("openai_responses").codec(at).encode(a_request()).url == url


def test_the_key_goes_into_azures_own_header_and_nowhere_else() -> None:
    call = codec().encode(a_request())

    assert call.headers["api-key"] == KEY
    assert "authorization" not in call.headers
    assert KEY not in f"{call!r} {call.url} {call.body.decode()} {call.facts} {Deployment(endpoint=HOST, key=KEY)!r}"
    assert call.scrubbed(f"bad {KEY}") == "bad ***"


def test_an_entra_token_is_a_bearer() -> None:
    call = codec(bearer=True).encode_stream(a_request())

    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert "api-key" not in call.headers


def test_azure_gets_the_names_that_openais_own_models_take_wherever_it_stands() -> None:
    assert "max_completion_tokens" in json.loads(codec("https://gate.example").encode(a_request()).body)


@pytest.mark.parametrize(
    ("name", "status", "error_class"),
    [
        ("content_filter", 400, LLMContentFilterError),
        ("context_window", 400, LLMContextWindowError),
        ("wrong_key", 401, LLMAuthenticationError),
        ("no_role", 401, LLMPermissionError),
        ("no_deployment", 404, LLMNotFoundError),
        ("rate_limit", 429, LLMRateLimitError),
        ("overloaded", 503, LLMOverloadedError),
    ],
)
def test_azures_words_for_errors_are_understood(name: str, status: int, error_class: type[Exception]) -> None:
    body = (ERRORS / f"{name}.json").read_bytes()

    error = codec().decode_error(codec().encode(a_request()), HttpReply(status=status, headers={}, body=body, received_at=0.0))

    assert type(error) is error_class
    assert error.provider == "azure"
    assert json.loads(body)["error"]["message"][:100] in error.message


def test_the_factory_and_the_helper_make_its_client() -> None:
    config = LLMConfiguration(provider=LLMProvider.AZURE, api_endpoint=HOST, api_key=KEY, model_name="m")

    for client in (LLMClientFactory.create_client(config), create_azure_client(KEY, "m", HOST, "2024-10-21")):
        assert isinstance(client, AzureOpenAIClient)
        assert client.get_provider() is LLMProvider.AZURE


def test_settings_take_a_key_or_an_entra_token() -> None:
    for keys in ({"api_key": SecretStr(KEY)}, {"entra_token": "call:azure_identity_of_ours:token"}):
        assert isinstance(client_for(ProviderSettings(kind="azure", model="m", base_url=HOST, **keys)), AzureOpenAIClient)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"kind": "azure", "model": "m"}, "needs api_key, needs base_url"),
        ({"kind": "local", "model": "m", "base_url": HOST, "api_version": "v1"}, "has no api_version .that is for kind 'azure'"),
    ],
)
def test_what_azure_needs_and_others_have_not_is_said(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ProviderSettings(**settings)


def test_a_key_that_fits_no_header_is_refused_without_being_told() -> None:
    with pytest.raises(LLMConfigurationError, match="line ends") as caught:
        create_azure_client(f"{KEY}\n", "m", HOST)

    assert KEY not in f"{caught.value!r} {caught.value.to_dict()}"
