"""Which actors a runtime has; how each is built stands in wiring/."""

from typing import Any

from ..core.settings import Settings
from .engine import ActorSpec
from .names import Names


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
    workers = [_spec(name, "tools", settings, labels=labels) for name in names.tool_workers]
    hosts = [_spec(name, "conversations", settings, capacity=2 * sessions, host_name=name) for name in names.hosts]
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
        factory=f"{__package__}.wiring.{builder}:build",
        arguments={"settings": settings, **arguments},
        capacity=capacity,
        lease_s=settings.runtime.lease_s,
        labels=labels or {},
        restarted_by_engine=builder == "supervisor",
    )
