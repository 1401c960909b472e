"""How an actor or a client reaches a model: the cache first, then the provider's actor."""

from collections.abc import AsyncGenerator
from dataclasses import replace

from ...core.cached_client import CachedClient, CacheRules
from ...core.call_context import CallContext
from ...core.deltas import StreamEvent
from ...core.exceptions import OutcomeUnknownError
from ...core.inference import ModelRequest, ModelResponse
from ...core.ports import ModelPort
from ...core.provider_settings import ProviderSettings
from ...core.providers.attempts import RetryPolicy
from ...core.settings import Settings
from ...core.streaming import events_of
from ..background import BackgroundLoop
from ..cache import CacheHandle
from ..links import Links
from ..names import Names
from ..provider import ProviderHandle


def model_port(links: Links, settings: Settings, provider_name: str) -> ModelPort:
    """A provider actor behind the cache; raises LLMConfigurationError for a provider that is not in the settings."""
    names = Names(settings)
    provider = ProviderHandle(links.to(names.provider(provider_name)), _patience_s(settings.provider(provider_name)))
    if not settings.caching.enabled:
        return provider
    return CachedClient(provider, CacheHandle(links.to(names.cache)), cache_rules(settings, provider_name), keeps=False)


def cache_rules(settings: Settings, provider_name: str) -> CacheRules:
    """What of this provider's answers is kept."""
    caching = settings.caching
    return CacheRules(provider=provider_name, default_ttl_s=caching.default_ttl_s, max_temperature=caching.max_temperature)


def _patience_s(provider: ProviderSettings) -> float:
    """Seconds within which all attempts at a call are over, with the longest waits between them."""
    return provider.timeout_s + provider.max_retries * (provider.timeout_s + RetryPolicy().max_delay_s)


class OnLoop:
    """StreamingModelPort that works on the runtime's loop, for callers on any other."""

    def __init__(self, port: ModelPort, background: BackgroundLoop) -> None:
        self._port = port
        self._background = background

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """See ModelPort; asks a second time when the provider died, as a session's driver does."""
        try:
            return await self._background.arun(self._port.respond(request, call))
        except OutcomeUnknownError:
            return await self._background.arun(self._port.respond(request, replace(call, attempt=2)))

    async def stream_events(self, request: ModelRequest, call: CallContext) -> AsyncGenerator[StreamEvent, None]:
        """See StreamingModelPort; a stream whose provider died is not begun anew."""
        events = events_of(self._port, request, call)
        try:
            while (event := await self._background.arun(_next(events))) is not None:
                yield event
        finally:
            await self._background.arun(events.aclose())


async def _next(events: AsyncGenerator[StreamEvent, None]) -> StreamEvent | None:
    return await anext(events, None)
