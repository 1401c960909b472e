"""Clients from configurations, and from the settings of a provider."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from polaris_llm.core import provider_names
from polaris_llm.core.client import AnthropicClient, GoogleClient, LocalClient, MockLLMClient, OpenAIClient
from polaris_llm.core.client_factory import (
    LLMClientFactory,
    client_for,
    configuration_of,
    create_llm_client,
    create_local_client,
    create_mock_client,
    create_openai_client,
)
from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.models import LLMConfiguration, LLMProvider
from polaris_llm.core.provider_settings import ProviderSettings
from support.model_requests import CALL, RecordingGate, a_request

KEY = "sk-very-secret-key"


def configuration(provider: LLMProvider, **changes: Any) -> LLMConfiguration:
    return LLMConfiguration(**{"provider": provider, "api_endpoint": "http://localhost:1", "model_name": "m", "api_key": KEY} | changes)


@pytest.mark.parametrize(
    ("provider", "kind"),
    [
        (LLMProvider.OPENAI, OpenAIClient),
        (LLMProvider.ANTHROPIC, AnthropicClient),
        (LLMProvider.GOOGLE, GoogleClient),
        (LLMProvider.LOCAL, LocalClient),
        (LLMProvider.MOCK, MockLLMClient),
    ],
)
def test_each_supported_provider_has_its_client(provider: LLMProvider, kind: type) -> None:
    config = configuration(provider)

    client = create_llm_client(config)

    assert type(client) is kind
    assert client.config is config
    assert LLMClientFactory.is_provider_supported(provider)


def test_an_unsupported_provider_is_named_with_those_that_are() -> None:
    with pytest.raises(LLMConfigurationError, match=r"Unsupported LLM provider: nobody; supported: openai, .*google, .*mock"):
        LLMClientFactory.maker("nobody")


@pytest.fixture
def _restored() -> Iterator[None]:
    makers, names = dict(LLMClientFactory._makers), set(provider_names._announced)
    yield
    LLMClientFactory._makers.clear()
    LLMClientFactory._makers.update(makers)
    provider_names._announced.intersection_update(names)


@pytest.mark.usefixtures("_restored")
def test_a_client_can_be_registered_under_a_new_name_and_then_settings_know_it() -> None:
    LLMClientFactory.register_client("parrot", MockLLMClient)

    client = client_for(ProviderSettings(kind="parrot", model="m"))

    assert isinstance(client, MockLLMClient)
    assert client.get_provider() == "parrot"
    assert create_llm_client(LLMConfiguration(provider="parrot", api_endpoint="http://h", model_name="m")).get_provider() == "parrot"


@pytest.mark.usefixtures("_restored")
def test_settings_that_a_registered_class_would_never_see_are_refused() -> None:
    LLMClientFactory.register_client("parrot", MockLLMClient)

    with pytest.raises(ValueError, match=r"has no headers .its client is registered as a class.*has no extras"):
        ProviderSettings(kind="parrot", model="m", headers={"x-loud": "1"}, extras={"loud": True})


@pytest.mark.usefixtures("_restored")
def test_a_provider_can_be_registered() -> None:
    LLMClientFactory.register_client(LLMProvider.GOOGLE, MockLLMClient)

    client = LLMClientFactory.create_client(configuration(LLMProvider.GOOGLE))

    assert isinstance(client, MockLLMClient)
    assert LLMProvider.GOOGLE in LLMClientFactory.get_supported_providers()


def test_the_helpers_have_the_contracts_defaults() -> None:
    openai, mock, local = create_openai_client(KEY), create_mock_client(), create_local_client("http://localhost:1", "m", timeout=5)

    assert (openai.config.model_name, openai.config.api_endpoint) == ("gpt-4", "https://api.openai.com/v1")
    assert (mock.config.model_name, mock.config.provider) == ("mock-model", LLMProvider.MOCK)
    assert local.config.timeout == 5


@pytest.mark.anyio
async def test_a_mocks_settings_are_carried_out() -> None:
    settings = ProviderSettings(script="support.mock_scripts:shout", failure_rate=1.0, max_retries=0, seed=1)
    calm = settings.model_copy(update={"failure_rate": 0.0})
    gate = RecordingGate()

    response = await client_for(calm, gate).respond(a_request("hi", model=""), CALL)

    assert (response.text, response.model) == ("HI", "mock-model")
    assert len(gate.reports) == 1
    with pytest.raises(Exception, match="mock failure"):
        await client_for(settings).respond(a_request(), CALL)


def test_a_providers_settings_make_its_client() -> None:
    openai = client_for(ProviderSettings(kind="openai", model="gpt-9", api_key=SecretStr(KEY)))
    local = client_for(ProviderSettings(kind="local", model="m", base_url="http://localhost:1", timeout_s=900.0, max_retries=50))

    assert isinstance(openai, OpenAIClient)
    assert (openai.config.api_key, openai.config.api_endpoint) == (KEY, "https://api.openai.com/v1")
    assert isinstance(local, LocalClient)
    assert (local.config.timeout, local.config.max_retries, local.config.api_key) == (900.0, 50, None)


def test_a_configuration_of_settings_hides_the_key_too() -> None:
    config = configuration_of(ProviderSettings(kind="openai", model="gpt-9", api_key=SecretStr(KEY)))

    assert KEY not in f"{config!r} {config.model_dump()}"


def test_a_secret_that_is_not_there_is_told_when_the_client_is_made() -> None:
    settings = ProviderSettings(kind="openai", model="gpt-9", api_key="env:POLARIS_LLM_NO_SUCH_KEY")

    with pytest.raises(LLMConfigurationError, match="POLARIS_LLM_NO_SUCH_KEY"):
        client_for(settings)
