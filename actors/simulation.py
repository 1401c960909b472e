"""Runs many scenarios in the cluster at once, with live progress; the loops themselves run in the scenario actor."""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Sequence

from ..core.call_context import CallContext
from ..core.exceptions import ActorError, ErrorRecord, LLMIntegrationError, OutcomeUnknownError
from ..core.runs import RunSpec
from ..core.scenarios.results import ScenarioFailure, ScenarioResult, SimulationResults
from ..core.scenarios.scenario import Scenario
from ..core.settings import Settings
from .links import Link, Links
from .names import Names
from .requests import completed
from .scenarios import ScenarioTask

logger = logging.getLogger(__name__)

OnProgress = Callable[[int, int], None]
"""Takes the decisions made so far, and those there will be; called at the end, too."""

IN_FLIGHT = 256
"""Scenarios under way at once."""
PROGRESS_EVERY_S = 0.25
TRIES = 3
"""For a scenario whose actor dies under it: what it has decided is in the journal, and is not decided again."""


async def simulate(
    links: Links, settings: Settings, scenarios: Sequence[Scenario], agent: RunSpec, on_progress: OnProgress | None
) -> SimulationResults:
    """All results, in the order of the scenarios; raises LLMConfigurationError for an agent whose provider is unknown."""
    agent = completed(agent, settings)
    actor = links.to(Names(settings).scenarios)
    simulation_id, began = f"simulation-{uuid.uuid4().hex[:8]}", time.monotonic()
    room = asyncio.Semaphore(IN_FLIGHT)
    total = sum(scenario.periods for scenario in scenarios)
    reporting = asyncio.create_task(_report(actor, simulation_id, total, on_progress))
    try:
        tasks = [
            ScenarioTask(simulation_id=simulation_id, number=number, scenario=scenario, agent=agent)
            for number, scenario in enumerate(scenarios, start=1)
        ]
        results = await asyncio.gather(*(_run(actor, task, room) for task in tasks))
    finally:
        reporting.cancel()
        await asyncio.gather(reporting, return_exceptions=True)
        actor.tell("forget", CallContext(), simulation_id)
    if on_progress is not None:
        decided = sum(len(result.outcomes) for result in results if isinstance(result, ScenarioResult))
        await _tell(on_progress, decided, total)
    return SimulationResults(simulation_id=simulation_id, results=tuple(results), wall_s=time.monotonic() - began)


async def _run(actor: Link, task: ScenarioTask, room: asyncio.Semaphore) -> ScenarioResult | ScenarioFailure:
    longest_s = task.scenario.periods * (task.agent.limits.deadline_s + 60.0)
    async with room:
        for last in [False] * (TRIES - 1) + [True]:
            try:
                result: ScenarioResult = await actor.ask("run", CallContext(remaining_s=longest_s), task)
            except OutcomeUnknownError as error:
                if last:
                    return ScenarioFailure(scenario=task.scenario, error=ErrorRecord.of(error))
            except LLMIntegrationError as error:
                return ScenarioFailure(scenario=task.scenario, error=ErrorRecord.of(error))
            else:
                return result
    raise AssertionError("the last try returns")


async def _report(actor: Link, simulation_id: str, total: int, on_progress: OnProgress | None) -> None:
    if on_progress is None:
        return
    while True:
        with contextlib.suppress(ActorError):  # a scenario actor that is being replaced has nothing to tell
            decided: int = await actor.ask("decisions", CallContext(), simulation_id)
            await _tell(on_progress, decided, total)
        await asyncio.sleep(PROGRESS_EVERY_S)


async def _tell(on_progress: OnProgress, decided: int, total: int) -> None:
    try:
        await asyncio.to_thread(on_progress, decided, total)
    except Exception:  # a defect of the caller's must not cost it its results
        logger.exception("on_progress failed")
