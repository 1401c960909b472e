"""A provider of another package: asked through the settings and the factory as the package's own are."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from polaris_llm.core.client import HttpClient, MockLLMClient
from polaris_llm.core.client_factory import LLMClientFactory, client_for
from polaris_llm.core.exceptions import LLMConfigurationError, LLMRateLimitError
from polaris_llm.core.models import LLMConfiguration
from polaris_llm.core.provider_settings import ProviderSettings
from polaris_llm.core.settings import Settings
from support.model_requests import CALL, a_request
from support.openai_server import OpenAIServer, as_json, sse, streamed

pytestmark = pytest.mark.anyio

KEY = "acme-very-secret-key"
METADATA = "Metadata-Version: 2.1\nName: acme-for-polaris\nVersion: 1.0\n"
OFFERS = "[polaris_llm.providers]\nacme = support.acme_provider:ACME\nacme-mock = polaris_llm.core.client:MockLLMClient\n"


@pytest.fixture
def _installed(tmp_path: Path) -> Iterator[None]:
    """A package with entry points, as pip would leave it."""
    home = tmp_path / "acme_for_polaris-1.0.dist-info"
    home.mkdir()
    (home / "METADATA").write_text(METADATA)
    (home / "entry_points.txt").write_text(OFFERS)
    sys.path.append(str(tmp_path))
    yield
    sys.path.remove(str(tmp_path))


def acme(server: OpenAIServer, kind: str = "acme") -> ProviderSettings:
    return ProviderSettings(kind=kind, base_url=server.url, model="anvil", api_key=SecretStr(KEY), max_retries=0, extras={"loud": True})


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("kind", ["acme", "support.acme_provider:ACME"])
async def test_a_provider_of_an_installed_package_is_asked_over_its_own_wire(server: OpenAIServer, kind: str) -> None:
    server.will(as_json(200, {"say": "Meep.", "why": "end"}))

    async with client_for(acme(server, kind)) as client:
        response = await client.respond(a_request(model="", extras={"acme": {"color": "red"}, "google": {"topK": 1}}), CALL)

    assert (response.text, response.provider, response.model) == ("Meep.", "acme", "anvil")
    assert server.seen[0].json["ask"][0]["is"][0]["text"] == "Hi"
    assert server.seen[0].json.items() >= {"model": "anvil", "loud": True, "color": "red"}.items()
    assert server.seen[0].headers["acme-key"] == KEY
    assert isinstance(client, HttpClient)


@pytest.mark.usefixtures("_installed")
async def test_its_stream_and_its_errors_come_through_too(server: OpenAIServer) -> None:
    server.will(streamed(sse({"say": "Mee"}, {"say": "p."}, {"why": "end"})), as_json(429, {"error": "slow down"}))

    async with client_for(acme(server)) as client:
        events = [event async for event in client.stream_events(a_request(), CALL)]
        with pytest.raises(LLMRateLimitError, match=r"acme answered 429 .*slow down"):
            await client.respond(a_request(), CALL)

    assert [event.kind for event in events] == ["text_delta", "text_delta", "usage_report", "stream_finished"]


@pytest.mark.usefixtures("_installed")
async def test_an_installed_package_may_offer_a_clients_class_as_well() -> None:
    config = LLMConfiguration(provider="acme-mock", api_endpoint="http://localhost:1", model_name="m")

    client = LLMClientFactory.create_client(config)

    assert isinstance(client, MockLLMClient)
    assert client.get_provider() == "acme-mock"
    assert {"acme", "acme-mock", "openai"} <= set(LLMClientFactory.get_supported_providers())


@pytest.mark.usefixtures("_installed")
def test_what_an_own_provider_lacks_is_said_like_anybody_elses() -> None:
    problem = "kind 'acme' needs model, needs api_key, does not speak the wire 'google': it speaks acme"

    with pytest.raises(LLMConfigurationError, match=problem):
        Settings.load({"llm": {"kind": "acme", "wire": "google"}})


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("acme", r"llm\.kind = 'acme': no such provider; supported: openai, .*mock"),
        ("no_such_package:ACME", "'no_such_package:ACME' cannot be loaded: No module named 'no_such_package'; install"),
    ],
)
def test_a_provider_that_is_not_there_is_refused_with_the_remedy(kind: str, problem: str) -> None:
    with pytest.raises(LLMConfigurationError, match=problem):
        Settings.load({"llm": {"kind": kind, "model": "anvil"}})


def test_a_configuration_names_a_provider_that_is_known() -> None:
    with pytest.raises(ValueError, match=r"unknown provider 'amce'; known: openai, anthropic, .*register_client"):
        LLMConfiguration(provider="amce", api_endpoint="http://localhost:1", model_name="m")
