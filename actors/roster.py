"""Which actors a runtime has, and where each lives; how each is built stands in wiring/."""

from dataclasses import replace
from typing import Any

from ..core.pool_settings import MEGABYTE, PoolSettings
from ..core.sections import Placed
from ..core.settings import Settings
from .engine import ActorSpec, Placement
from .names import Names


def supervisor_spec(settings: Settings, founder: str = "") -> ActorSpec:
    """The one actor that the runtime itself creates; it knows by whom."""
    return _spec(Names(settings).supervisor, "supervisor", settings, founder=founder)


def actor_specs(settings: Settings) -> tuple[ActorSpec, ...]:
    """All actors that are always there but the supervisor, in the order in which they are best stopped in reverse."""
    names = Names(settings)
    caching, conversations = settings.caching, settings.conversation_management
    cache = [_spec(names.cache, "cache", settings, placement=_placement(caching, settings))] if caching.enabled else []
    providers = [
        _spec(
            names.provider(name),
            "provider",
            settings,
            placement=_placement(provider, settings),
            capacity=provider.max_in_flight,
            provider_name=name,
        )
        for name, provider in settings.all_providers.items()
    ]
    workers = [_worker(name, pool, settings) for pool, workers in names.pools.items() for name in workers.steady]
    hosting = _placement(conversations, settings, is_spread=True)
    capacity = 2 * conversations.max_sessions_per_host
    hosts = [_spec(name, "conversations", settings, placement=hosting, capacity=capacity, host_name=name) for name in names.hosts]
    may_grow = any(pool.may_grow for pool in settings.tool_registry.all_pools.values())
    return (
        _spec(names.journal, "journal", settings, capacity=1_000_000),
        *cache,
        _spec(names.callers, "callers", settings, capacity=1_000_000),
        *providers,
        *workers,
        *hosts,
        _spec(names.scenarios, "scenarios", settings),
        *([_spec(names.pool_keeper, "pools", settings)] if may_grow else []),
    )


def own_host_spec(settings: Settings, session_id: str) -> ActorSpec:
    """The host of one session alone, which is created for it and stopped after it."""
    name = Names(settings).own_host(session_id)
    hosting = _placement(settings.conversation_management, settings, is_spread=True)
    return _spec(name, "conversations", settings, placement=hosting, host_name=name)


def spare_workers(settings: Settings) -> dict[str, tuple[ActorSpec, ...]]:
    """The workers that come and go, by their pools: those of pools that may grow."""
    pools = Names(settings).pools
    return {pool: tuple(_worker(name, pool, settings) for name in workers.spare) for pool, workers in pools.items() if workers.spare}


def _worker(name: str, pool: str, settings: Settings) -> ActorSpec:
    section = settings.tool_registry.all_pools[pool]
    return _spec(name, "tools", settings, placement=_placement(section, settings, is_spread=True), pool=pool)


def _placement(section: Placed, settings: Settings, *, is_spread: bool = False) -> Placement:
    place = settings.place_of(section)
    shared = Placement(labels=place.labels, fallback_labels=place.fallback_labels, is_spread=is_spread)
    if not isinstance(section, PoolSettings):
        return shared
    memory_bytes = None if section.memory_mb is None else section.memory_mb * MEGABYTE
    return replace(shared, num_cpus=section.num_cpus, memory_bytes=memory_bytes, resources=section.resources)


def _spec(
    name: str, builder: str, settings: Settings, *, placement: Placement | None = None, capacity: int = 10_000, **arguments: Any
) -> ActorSpec:
    is_supervisor = builder == "supervisor"
    start_s = settings.runtime.start_timeout_s
    return ActorSpec(
        name=name,
        factory=f"{__package__}.wiring.{builder}:build",
        arguments={"settings": settings, **arguments},
        capacity=capacity,
        lease_s=settings.runtime.lease_s,
        placement=placement or _placement(settings.runtime, settings),
        start_s=2 * start_s if is_supervisor else start_s,  # it starts all others meanwhile
        restarted_by_engine=is_supervisor,
    )
