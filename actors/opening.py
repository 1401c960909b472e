"""Starts, finds and stops a runtime's actors."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ..core.call_context import CallContext
from ..core.exceptions import ActorError, LLMConfigurationError
from ..core.needed_pools import with_needed_pools
from ..core.settings import RuntimeSettings, Settings
from .keeping import stop_actors as stop_by_name
from .links import Links
from .names import Names
from .roster import actor_specs, spare_workers, supervisor_spec

logger = logging.getLogger(__name__)

SettingsSource = str | Path | Mapping[str, Any] | Settings | None
"""A YAML file, its content, settings, or the default ones."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A runtime's actors are there."""

    settings: Settings
    owner: bool


Opening = Callable[[Links, Settings], Awaitable[Opened]]


async def start_actors(links: Links, settings: Settings) -> Opened:
    settings = with_needed_pools(settings)  # it may import tools; nothing else is on this loop yet
    supervisor, founder = Names(settings).supervisor, uuid.uuid4().hex
    if await links.engine.find(supervisor) is None:
        try:
            await links.engine.create(supervisor_spec(settings, founder))
        except BaseException:
            await stop_actors(links, settings)
            raise
    found = await _found(links, settings, CallContext())  # it may be starting just now
    if _shared(found.settings) != _shared(settings):
        message = f"a runtime {settings.runtime.name!r} with other settings is running: connect to it, or give this one another name"
        raise LLMConfigurationError(message, config_key="runtime.name", config_value=settings.runtime.name)
    is_first = await links.to(supervisor).ask("founder", CallContext()) == founder  # of several that started it at the same time
    return Opened(settings if is_first else found.settings, owner=is_first)


async def find_actors(links: Links, settings: Settings) -> Opened:
    return await _found(links, settings, CallContext(remaining_s=settings.runtime.connect_timeout_s))


async def _found(links: Links, settings: Settings, call: CallContext) -> Opened:
    name = Names(settings).supervisor
    if await links.engine.find(name) is None:
        message = f"no runtime {settings.runtime.name!r} in namespace {settings.runtime.namespace!r} of this cluster: start one"
        raise LLMConfigurationError(message, config_key="runtime.name", config_value=settings.runtime.name)
    theirs: Settings = await links.to(name).ask("settings", call)
    return Opened(theirs, owner=False)


async def stop_actors(links: Links, settings: Settings) -> None:
    # The supervisor first, or it would replace the others.
    specs = (*reversed(actor_specs(settings)), *(spec for specs in spare_workers(settings).values() for spec in specs))
    await stop_by_name(links.engine, [Names(settings).supervisor, *(spec.name for spec in specs)])


async def renew_lease(links: Links, settings: Settings) -> None:
    """Tell the supervisor again and again that the process that started it lives."""
    supervisor = links.to(Names(settings).supervisor)
    while True:
        try:
            await supervisor.ask("renew_lease", CallContext())
        except ActorError as error:
            logger.warning("the supervisor does not answer: %s", error)
        await asyncio.sleep(settings.runtime.lease_s / 3)


def require_references(settings: Settings) -> None:
    """Raise LLMConfigurationError for a key passed by code to a cluster, which would keep it with the actors it starts."""
    if settings.runtime.engine == "inline":
        return
    for name, provider in settings.all_providers.items():
        if any(isinstance(key, SecretStr) or callable(key) for key in provider.keys):
            message = f"the key of provider {name!r} was passed by code: give a cluster env:NAME or file:PATH, read on the provider's node"
            raise LLMConfigurationError(message, config_key=f"providers.{name}.api_key")


def with_runtime(source: SettingsSource, runtime: Mapping[str, Any]) -> Settings:  # fields of RuntimeSettings
    """Settings whose section `runtime` has these values in place of its own."""
    settings = source if isinstance(source, Settings) else Settings.load(source)
    if not runtime:
        return settings
    section = {**settings.runtime.model_dump(), **runtime}
    return settings.model_copy(update={"runtime": Settings.load({"runtime": section}).runtime})


def _shared(settings: Settings) -> str:
    """What all processes of a runtime must agree on: how each reaches the cluster is its own affair."""
    return with_runtime(settings, {"address": None, "connect_timeout_s": RuntimeSettings().connect_timeout_s}).fingerprint()
