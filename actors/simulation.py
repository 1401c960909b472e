"""Runs many scenarios in the cluster at once, with live progress; the loops themselves run in the scenario actor."""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from ..core.call_context import CallContext
from ..core.exceptions import ActorError, ErrorRecord, LLMConfigurationError, LLMIntegrationError, OutcomeUnknownError
from ..core.runs import RunSpec
from ..core.scenarios.manifest import Manifest, run_key
from ..core.scenarios.results import SimulationResults
from ..core.scenarios.scenario import Scenario
from ..core.scenarios.scenario_result import ScenarioFailure, ScenarioResult
from ..core.settings import Settings
from .links import Links
from .names import Names
from .requests import completed
from .scenarios import ScenarioTask

logger = logging.getLogger(__name__)

OnProgress = Callable[[int, int], None]
"""Takes the decisions made so far, and those there will be; called at the end, too."""
OnResult = Callable[[ScenarioResult | ScenarioFailure], None]
"""Takes each run as it ends."""

PROGRESS_EVERY_S = 0.25
TRIES = 3
"""For a scenario whose actor dies under it: what it has decided is in the journal, and is not decided again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationOptions:
    """How a simulation is run, beside who decides in it."""

    max_in_flight: int = 64
    """Scenarios under way at once."""
    manifest: str | Path | None = None
    """A file that keeps finished runs: those in it are not run again."""
    on_progress: OnProgress | None = None
    on_result: OnResult | None = None

    def __post_init__(self) -> None:
        if self.max_in_flight < 1:
            message = f"max_in_flight is {self.max_in_flight}: let at least 1 scenario be under way"
            raise LLMConfigurationError(message, config_key="max_in_flight", config_value=self.max_in_flight)


SIMULATION_OPTIONS = {field.name for field in fields(SimulationOptions)}


async def simulate(
    links: Links, settings: Settings, scenarios: Sequence[Scenario], agent: RunSpec, options: SimulationOptions
) -> SimulationResults:
    """All results, in the order of the scenarios; raises LLMConfigurationError for an unknown provider or a manifest that is none."""
    simulation_id, began = f"simulation-{uuid.uuid4().hex[:8]}", time.monotonic()
    tasks = [
        _task(simulation_id, number, scenario, completed(scenario.agent.applied(agent), settings), settings)
        for number, scenario in enumerate(scenarios, start=1)
    ]
    manifest = await asyncio.to_thread(Manifest, options.manifest) if options.manifest is not None else None
    simulation = _Simulation(links, settings, simulation_id, options, manifest)
    results = await simulation.run(tasks)
    return SimulationResults(simulation_id=simulation_id, results=results, wall_s=time.monotonic() - began)


def _task(simulation_id: str, number: int, scenario: Scenario, agent: RunSpec, settings: Settings) -> ScenarioTask:
    kind = settings.provider(agent.provider).kind
    decider = "mock (a script, no language model)" if kind == "mock" else f"{kind} model {agent.model}"
    return ScenarioTask(simulation_id=simulation_id, number=number, scenario=scenario, agent=agent, decider=decider)


class _Simulation:
    """One simulation under way."""

    def __init__(self, links: Links, settings: Settings, simulation_id: str, options: SimulationOptions, manifest: Manifest | None) -> None:
        self._actor = links.to(Names(settings).scenarios)
        self._settings = settings
        self._id = simulation_id
        self._options = options
        self._manifest = manifest
        self._room = asyncio.Semaphore(options.max_in_flight)
        self._known_decisions = 0
        """Those of runs that the manifest holds."""

    async def run(self, tasks: Sequence[ScenarioTask]) -> tuple[ScenarioResult | ScenarioFailure, ...]:
        total = sum(task.scenario.periods for task in tasks)
        reporting = asyncio.create_task(self._report(total))
        running = [asyncio.create_task(self._result(task)) for task in tasks]
        try:
            results = await asyncio.gather(*running)
        finally:
            for unfinished in (reporting, *running):
                unfinished.cancel()
            await asyncio.gather(reporting, *running, return_exceptions=True)
            with contextlib.suppress(ActorError):  # the actor can bear that it is not told
                self._actor.tell("forget", CallContext(), self._id)
        await self._tell_progress(sum(len(result.outcomes) for result in results if isinstance(result, ScenarioResult)), total)
        return tuple(results)

    async def _result(self, task: ScenarioTask) -> ScenarioResult | ScenarioFailure:
        """What the manifest knows already, or what comes of running it."""
        endpoint = self._settings.provider(task.agent.provider).endpoint
        key = run_key(task.scenario, task.agent, endpoint) if self._manifest is not None else ""
        known = self._manifest.finished(key) if self._manifest is not None else None
        if known is not None:
            self._known_decisions += len(known.outcomes)
            return known
        async with self._room:
            result = await self._run(task)
            if self._manifest is not None and isinstance(result, ScenarioResult):
                await asyncio.to_thread(self._manifest.add, key, result)
        if self._options.on_result is not None:
            await _call(self._options.on_result, result)
        return result

    async def _run(self, task: ScenarioTask) -> ScenarioResult | ScenarioFailure:
        longest_s = task.scenario.periods * (task.agent.limits.deadline_s + 60.0)
        for last in [False] * (TRIES - 1) + [True]:
            try:
                result: ScenarioResult = await self._actor.ask("run", CallContext(remaining_s=longest_s), task)
            except OutcomeUnknownError as error:
                if last:
                    return ScenarioFailure(scenario=task.scenario, error=ErrorRecord.of(error))
            except LLMIntegrationError as error:
                return ScenarioFailure(scenario=task.scenario, error=ErrorRecord.of(error))
            else:
                return result
        raise AssertionError("the last try returns")

    async def _report(self, total: int) -> None:
        if self._options.on_progress is None:
            return
        while True:
            with contextlib.suppress(ActorError):  # a scenario actor that is being replaced has nothing to tell
                decided: int = await self._actor.ask("decisions", CallContext(), self._id)
                await self._tell_progress(self._known_decisions + decided, total)
            await asyncio.sleep(PROGRESS_EVERY_S)

    async def _tell_progress(self, decided: int, total: int) -> None:
        if self._options.on_progress is not None:
            await _call(self._options.on_progress, decided, total)


async def _call(callback: Callable[..., None], *arguments: object) -> None:
    """A defect of the caller's must not cost it its results."""
    try:
        await asyncio.to_thread(callback, *arguments)
    except Exception:  # see above
        logger.exception("%s failed", getattr(callback, "__name__", "a callback"))
