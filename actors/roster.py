"""Which actors a runtime has, and how each is built in its process."""

from typing import Any

from ..core.cached_client import CachedClient, CacheRules, ReadOnly, WriteOnly
from ..core.client_factory import client_for
from ..core.driver import Ports
from ..core.ports import ModelPort
from ..core.provider_settings import ProviderSettings
from ..core.providers.attempts import RetryPolicy
from ..core.runs import RunSpec
from ..core.settings import Settings
from .cache import CacheActor, CacheHandle
from .callers import CallerDesk, CallerDeskHandle
from .conversation import ConversationHost
from .engine import ActorSpec
from .journal import JournalActor, JournalHandle
from .links import Links
from .names import Names
from .provider import ProviderActor, ProviderHandle
from .scenarios import ScenarioActor
from .sessions import Sessions
from .supervisor import Supervisor
from .tools import SessionTools, ToolPoolHandle, ToolWorkerActor


def supervisor_spec(settings: Settings) -> ActorSpec:
    """The one actor that the runtime itself creates."""
    return _spec(Names(settings).supervisor, "supervisor", settings)


def actor_specs(settings: Settings) -> tuple[ActorSpec, ...]:
    """All actors but the supervisor, in the order in which they are best stopped in reverse."""
    names = Names(settings)
    sessions = settings.conversation_management.max_sessions_per_host
    cache = [_spec(names.cache, "cache", settings)] if settings.caching.enabled else []
    providers = [
        _spec(names.provider(name), "provider", settings, capacity=provider.max_in_flight, provider_name=name)
        for name, provider in settings.all_providers.items()
    ]
    labels = settings.tool_registry.labels
    workers = [_spec(name, "tool_worker", settings, labels=labels) for name in names.tool_workers]
    hosts = [_spec(name, "conversation_host", settings, capacity=2 * sessions, host_name=name) for name in names.hosts]
    return (
        _spec(names.journal, "journal", settings, capacity=1_000_000),
        *cache,
        _spec(names.callers, "callers", settings, capacity=1_000_000),
        *providers,
        *workers,
        *hosts,
        _spec(names.scenarios, "scenarios", settings),
    )


def _spec(
    name: str, builder: str, settings: Settings, *, capacity: int = 10_000, labels: dict[str, str] | None = None, **arguments: Any
) -> ActorSpec:
    return ActorSpec(
        name=name,
        factory=f"{__name__}:{builder}",
        arguments={"settings": settings, **arguments},
        capacity=capacity,
        lease_s=settings.runtime.lease_s,
        labels=labels or {},
        restarted_by_engine=builder == "supervisor",
    )


# How each is built, in its own process: called by name, from its ActorSpec.


def supervisor(links: Links, settings: Settings) -> Supervisor:
    """The keeper of all others."""
    runtime = settings.runtime
    lease_s = None if runtime.detached or runtime.engine == "inline" else runtime.lease_s  # inline, owner and supervisor die together
    return Supervisor(links, actor_specs(settings), settings, owner_lease_s=lease_s)


def journal(links: Links, settings: Settings) -> JournalActor:
    """The logs of all sessions."""
    return JournalActor(settings.runtime.journal_max_sessions, settings.runtime.journal_max_bytes)


def cache(links: Links, settings: Settings) -> CacheActor:
    """Models' answers."""
    return CacheActor(settings.caching.max_entries, settings.caching.max_bytes)


def callers(links: Links, settings: Settings) -> CallerDesk:
    """Where live tools are asked for."""
    return CallerDesk(settings.runtime.lease_s)


def provider(links: Links, settings: Settings, provider_name: str) -> ProviderActor:
    """One model endpoint: it joins identical calls, and writes what it answers into the cache."""
    client = client_for(settings.provider(provider_name))
    if not settings.caching.enabled:
        return ProviderActor(client, client)
    cache = WriteOnly(CacheHandle(links.to(Names(settings).cache)))
    return ProviderActor(client, CachedClient(client, cache, _cache_rules(settings, provider_name)))


def tool_worker(links: Links, settings: Settings) -> ToolWorkerActor:
    """One of the pool."""
    tools = settings.tool_registry
    return ToolWorkerActor(
        tools.tools,
        default_timeout_s=tools.timeout_s,
        max_children=tools.children_per_worker,
        max_result_characters=tools.max_result_chars,
    )


def conversation_host(links: Links, settings: Settings, host_name: str) -> ConversationHost:
    """A host of sessions: those that `Names.host_of` gives it."""
    names = Names(settings)
    journal = JournalHandle(links.to(names.journal))
    pool = ToolPoolHandle([links.to(worker) for worker in names.tool_workers])
    desk = CallerDeskHandle(links.to(names.callers))

    models = {name: model_port(links, settings, name) for name in settings.all_providers}

    def ports_for(spec: RunSpec) -> Ports:
        settings.provider(spec.provider)  # raises for an unknown one
        return Ports(model=models[spec.provider], tools=SessionTools(spec, desk, pool), journal=journal, callers=desk)

    async def open_sessions() -> list[str]:
        return [session_id for session_id in await journal.open_sessions() if names.host_of(session_id) == host_name]

    return ConversationHost(journal, ports_for, open_sessions, max_sessions=settings.conversation_management.max_sessions_per_host)


def scenarios(links: Links, settings: Settings) -> ScenarioActor:
    """Where control loops run."""
    return ScenarioActor(Sessions(links, settings))


def model_port(links: Links, settings: Settings, provider_name: str) -> ModelPort:
    """A provider actor behind the cache; raises LLMConfigurationError for a provider that is not in the settings."""
    names = Names(settings)
    provider = ProviderHandle(links.to(names.provider(provider_name)), _patience_s(settings.provider(provider_name)))
    if not settings.caching.enabled:
        return provider
    return CachedClient(provider, ReadOnly(CacheHandle(links.to(names.cache))), _cache_rules(settings, provider_name))


def _patience_s(provider: ProviderSettings) -> float:
    """Seconds within which all attempts at a call are over, with the longest waits between them."""
    return provider.timeout_s + provider.max_retries * (provider.timeout_s + RetryPolicy().max_delay_s)


def _cache_rules(settings: Settings, provider_name: str) -> CacheRules:
    caching = settings.caching
    return CacheRules(provider=provider_name, default_ttl_s=caching.default_ttl_s, max_temperature=caching.max_temperature)
