"""Makes clients from configurations, and from the settings of a provider."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeGuard

from .client import (
    AnthropicClient,
    AzureOpenAIClient,
    GoogleClient,
    HttpClient,
    HttpOptions,
    LLMClient,
    LocalClient,
    MockLLMClient,
    OpenAIClient,
    unsupported,
)
from .inference import PromptCache
from .models import LLMConfiguration, LLMProvider
from .pricing import Prices, TokenPrice
from .provider_names import announce, other_names
from .provider_settings import ProviderSettings
from .providers.anthropic import ANTHROPIC_URL
from .providers.attempts import AttemptGate, Surroundings
from .providers.google import GOOGLE_URL
from .providers.mock import DEFAULT_MODEL, MockSchedule, load_script
from .providers.openai_shared import OPENAI_URL
from .providers.registry import PROVIDERS, find_provider, load_offer
from .providers.transport import HttpTransport, TransportSettings
from .providers.wishes import Wishes
from .secrets import is_called, resolve

MakeClient = Callable[[LLMConfiguration], LLMClient]
"""A client's class, or any function that makes one."""

_MOCK_URL = "http://localhost:8000"


class LLMClientFactory:
    """Knows which client speaks to which provider; others can be registered."""

    _makers: ClassVar[dict[str, MakeClient]] = {LLMProvider.MOCK: MockLLMClient}
    """Those that were registered; they win over what speaks the wires of `PROVIDERS`."""

    @classmethod
    def create_client(cls, config: LLMConfiguration) -> LLMClient:
        """The client for a configuration; raises LLMConfigurationError when its provider has none."""
        return cls.maker(config.provider)(config)

    @classmethod
    def register_client(cls, provider: LLMProvider | str, client_class: MakeClient) -> None:
        """Make `client_class(config)` the client of a provider, known or new, from now on in this process."""
        cls._makers[provider] = client_class
        announce(provider)

    @classmethod
    def get_supported_providers(cls) -> list[LLMProvider | str]:
        """The providers that have a client."""
        names = dict.fromkeys((*PROVIDERS, *cls._makers, *other_names()))
        return [LLMProvider(name) if name in set(LLMProvider) else name for name in names]

    @classmethod
    def is_provider_supported(cls, provider: LLMProvider | str) -> bool:
        """Whether a provider has a client."""
        return provider in cls.get_supported_providers()

    @classmethod
    def maker(cls, provider: str) -> MakeClient:
        """What makes the clients of a provider; raises LLMConfigurationError when there is nothing."""
        if registered := cls._makers.get(provider):
            return registered
        if find_provider(provider) is not None:
            return _CLASSES.get(provider, HttpClient)
        offered = load_offer(provider)
        if not callable(offered):
            raise unsupported(provider)
        make: MakeClient = offered
        return make


_CLASSES: Mapping[str, type[HttpClient]] = {
    LLMProvider.OPENAI: OpenAIClient,
    LLMProvider.ANTHROPIC: AnthropicClient,
    LLMProvider.GOOGLE: GoogleClient,
    LLMProvider.AZURE: AzureOpenAIClient,
    LLMProvider.LOCAL: LocalClient,
}
"""The names that the contract has for some providers' clients."""


def create_llm_client(config: LLMConfiguration) -> LLMClient:
    """The client for a configuration."""
    return LLMClientFactory.create_client(config)


def create_openai_client(
    api_key: str,
    model_name: str = "gpt-4",
    api_endpoint: str = OPENAI_URL,
    **settings: Any,  # LLMConfiguration's
) -> LLMClient:
    """A client of OpenAI."""
    return _create(LLMProvider.OPENAI, api_key=api_key, model_name=model_name, api_endpoint=api_endpoint, **settings)


def create_anthropic_client(
    api_key: str,
    model_name: str = "claude-3-sonnet-20240229",
    api_endpoint: str = ANTHROPIC_URL,
    **settings: Any,  # LLMConfiguration's
) -> LLMClient:
    """A client of Anthropic."""
    return _create(LLMProvider.ANTHROPIC, api_key=api_key, model_name=model_name, api_endpoint=api_endpoint, **settings)


def create_google_client(
    api_key: str,
    model_name: str = "gemini-1.5-pro",
    api_endpoint: str = GOOGLE_URL,
    **settings: Any,  # LLMConfiguration's
) -> LLMClient:
    """A client of Google's Gemini."""
    return _create(LLMProvider.GOOGLE, api_key=api_key, model_name=model_name, api_endpoint=api_endpoint, **settings)


def create_azure_client(
    api_key: str,
    model_name: str,
    api_endpoint: str,
    api_version: str | None = None,
    **settings: Any,  # LLMConfiguration's
) -> LLMClient:
    """A client of a deployment of Azure OpenAI, whose name is `model_name`."""
    config = LLMConfiguration(provider=LLMProvider.AZURE, api_key=api_key, model_name=model_name, api_endpoint=api_endpoint, **settings)
    return AzureOpenAIClient(config, HttpOptions(api_version=api_version))


def create_local_client(api_endpoint: str, model_name: str, **settings: Any) -> LLMClient:  # LLMConfiguration's
    """A client of a server that speaks OpenAI's chat completions."""
    return _create(LLMProvider.LOCAL, model_name=model_name, api_endpoint=api_endpoint, **settings)


def create_mock_client(
    model_name: str = DEFAULT_MODEL,
    api_endpoint: str = _MOCK_URL,
    **settings: Any,  # LLMConfiguration's
) -> LLMClient:
    """A client that needs no network."""
    return _create(LLMProvider.MOCK, model_name=model_name, api_endpoint=api_endpoint, **settings)


def client_for(settings: ProviderSettings, gate: AttemptGate | None = None, surroundings: Surroundings | None = None) -> LLMClient:
    """The client for a provider's settings; its secret is read now, and `gate` rules its attempts, in time as `surroundings` tell it."""
    config = configuration_of(settings)
    if settings.kind == "mock":
        script = load_script(settings.script) if settings.script else None
        return MockLLMClient(config, script=script, schedule=_schedule(settings), gate=gate, surroundings=surroundings)
    make = LLMClientFactory.maker(settings.kind)
    if not _is_http_client(make):
        return make(config)
    options = HttpOptions(
        transport=HttpTransport(_transport_settings(settings)),
        gate=gate,
        keys=settings.keys,
        bearer=settings.entra_token is not None,
        api_version=settings.api_version,
        wire=settings.wire,
        lacks=settings.lacks,
        prices=prices_of(settings),
        wishes=_wishes(settings),
        extras=settings.extras,
        headers=settings.headers,
        base_model=settings.base_model,
        keep_raw=False,
        surroundings=surroundings,
    )
    return make(config, options)


def configuration_of(settings: ProviderSettings) -> LLMConfiguration:
    """The contract's configuration for a provider's settings, whose limits are wider."""
    provider = find_provider(settings.kind)
    found = [resolve(key) for key in settings.keys if not (callable(key) or is_called(key))]  # one that is missing is told now
    return LLMConfiguration.model_construct(
        provider=LLMProvider(settings.kind) if settings.kind in set(LLMProvider) else settings.kind,
        api_endpoint=settings.base_url or (provider and provider.base_url) or _MOCK_URL,
        api_key=found[0] if found else None,
        model_name=settings.model,
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        timeout=settings.timeout_s,
        max_retries=settings.max_retries,
        retry_delay=settings.retry_delay_s,
    )


def prices_of(settings: ProviderSettings) -> Prices:
    """What the answers of a provider cost."""
    provider = find_provider(settings.kind)
    default_url = provider.base_url if provider else None
    usual = settings.kind == LLMProvider.AZURE or settings.base_url in (None, default_url)
    return Prices(
        provider=settings.kind,
        api_url=None if usual else settings.base_url,
        own={model: TokenPrice(**price.model_dump()) for model, price in settings.prices.items()},
        base_model=settings.base_model,
    )


def _wishes(settings: ProviderSettings) -> Wishes:
    cache = settings.prompt_cache
    return Wishes(
        top_p=settings.top_p,
        reasoning_effort=settings.reasoning_effort,
        service_tier=settings.service_tier,
        prompt_cache=PromptCache(**cache.model_dump()) if cache else None,
    )


def _transport_settings(settings: ProviderSettings) -> TransportSettings:
    return TransportSettings(
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
        proxy=settings.proxy,
        ca_file=settings.ca_file,
        http2=settings.http2,
    )


def _is_http_client(make: object) -> TypeGuard[type[HttpClient]]:
    return isinstance(make, type) and issubclass(make, HttpClient)


def _create(provider: LLMProvider, **settings: Any) -> LLMClient:  # LLMConfiguration's
    return LLMClientFactory.create_client(LLMConfiguration(provider=provider, **settings))


def _schedule(settings: ProviderSettings) -> MockSchedule:
    return MockSchedule(seed=settings.seed, latency_s=settings.latency_s, jitter=settings.jitter, failure_rate=settings.failure_rate)
