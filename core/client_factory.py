"""Makes clients from configurations, and from the settings of a provider."""

from collections.abc import Callable
from typing import Any, ClassVar

from .client import HttpOptions, LLMClient, LocalClient, MockLLMClient, OpenAIClient
from .exceptions import LLMConfigurationError
from .models import LLMConfiguration, LLMProvider
from .provider_settings import ProviderSettings
from .providers.attempts import AttemptGate
from .providers.mock import DEFAULT_MODEL, MockSchedule, load_script
from .providers.openai_chat import OPENAI_URL
from .providers.transport import HttpTransport, TransportSettings
from .secrets import resolve

MakeClient = Callable[[LLMConfiguration], LLMClient]
"""A client's class, or any function that makes one."""

_MOCK_URL = "http://localhost:8000"


class LLMClientFactory:
    """Knows which client speaks to which provider; others can be registered."""

    _makers: ClassVar[dict[LLMProvider, MakeClient]] = {
        LLMProvider.OPENAI: OpenAIClient,
        LLMProvider.LOCAL: LocalClient,
        LLMProvider.MOCK: MockLLMClient,
    }

    @classmethod
    def create_client(cls, config: LLMConfiguration) -> LLMClient:
        """The client for a configuration; raises LLMConfigurationError when its provider has none."""
        make = cls._makers.get(config.provider)
        if make is None:
            supported = ", ".join(provider.value for provider in cls.get_supported_providers())
            message = f"Unsupported LLM provider: {config.provider.value}; supported: {supported}, or register a client for it"
            raise LLMConfigurationError(message, config_key="provider", config_value=config.provider.value)
        return make(config)

    @classmethod
    def register_client(cls, provider: LLMProvider, client_class: MakeClient) -> None:
        """Make `client_class(config)` the client of a provider from now on."""
        cls._makers[provider] = client_class

    @classmethod
    def get_supported_providers(cls) -> list[LLMProvider]:
        """The providers that have a client."""
        return list(cls._makers)

    @classmethod
    def is_provider_supported(cls, provider: LLMProvider) -> bool:
        """Whether a provider has a client."""
        return provider in cls._makers


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


def client_for(settings: ProviderSettings, gate: AttemptGate | None = None) -> LLMClient:
    """The client for a provider's settings; its secret is read now, and `gate` rules its attempts."""
    config = configuration_of(settings)
    if settings.kind == "mock":
        script = load_script(settings.script) if settings.script else None
        return MockLLMClient(config, script=script, schedule=_schedule(settings), gate=gate)
    transport = HttpTransport(TransportSettings(connect_timeout_s=settings.connect_timeout_s))
    options = HttpOptions(transport=transport, gate=gate, extras=settings.extras, keep_raw=False)
    return (OpenAIClient if settings.kind == "openai" else LocalClient)(config, options)


def configuration_of(settings: ProviderSettings) -> LLMConfiguration:
    """The contract's configuration for a provider's settings, whose limits are wider."""
    return LLMConfiguration.model_construct(
        provider=LLMProvider(settings.kind),
        api_endpoint=settings.base_url or (OPENAI_URL if settings.kind == "openai" else _MOCK_URL),
        api_key=resolve(settings.api_key),
        model_name=settings.model,
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        timeout=settings.timeout_s,
        max_retries=settings.max_retries,
        retry_delay=settings.retry_delay_s,
    )


def _create(provider: LLMProvider, **settings: Any) -> LLMClient:  # LLMConfiguration's
    return LLMClientFactory.create_client(LLMConfiguration(provider=provider, **settings))


def _schedule(settings: ProviderSettings) -> MockSchedule:
    return MockSchedule(seed=settings.seed, latency_s=settings.latency_s, jitter=settings.jitter, failure_rate=settings.failure_rate)
