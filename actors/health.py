"""What every actor of a runtime says of itself."""

import asyncio
from collections.abc import Sequence
from typing import Any

from ..core.call_context import CallContext
from ..core.exceptions import ActorError
from ..core.settings import Settings
from .mailbox import HEALTH
from .names import Names
from .roster import actor_specs
from .sessions import Sessions

WAIT_S = 5.0


async def health_of(sessions: Sessions, settings: Settings) -> dict[str, Any]:  # JSON
    """Every actor's facts by its name, or why it does not answer; `replaced` counts the deaths."""
    names = Names(settings)
    facts = await _facts_of(sessions, [names.supervisor, *(spec.name for spec in actor_specs(settings))])
    hired = facts.get(names.pool_keeper, {}).get("hired", {})
    facts |= await _facts_of(sessions, [worker for workers in hired.values() for worker in workers])
    return {"actors": facts, "replaced": facts[names.supervisor].get("replaced", {})}


async def _facts_of(sessions: Sessions, names: Sequence[str]) -> dict[str, dict[str, Any]]:  # JSON
    return dict(zip(names, await asyncio.gather(*(_facts(sessions, name) for name in names)), strict=True))


async def _facts(sessions: Sessions, name: str) -> dict[str, Any]:  # JSON
    try:
        facts: dict[str, Any] = await sessions.ask_twice(name, HEALTH, CallContext(remaining_s=WAIT_S))
    except ActorError as error:
        return {"error": str(error)}
    return facts
