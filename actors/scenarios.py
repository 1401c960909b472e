"""Runs what-if scenarios in the cluster: the control loop of each, one session per control period, many loops at once."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..core.call_context import CallContext
from ..core.exceptions import ErrorRecord, LLMIntegrationError
from ..core.prompt_manager import PromptManager
from ..core.runs import RunOutcome, RunSpec
from ..core.scenarios.control_loop import ControlLoop
from ..core.scenarios.decision import DECISION_SCHEMA, Decision
from ..core.scenarios.farm_tools import reference
from ..core.scenarios.report import row
from ..core.scenarios.scenario import Scenario
from ..core.scenarios.scenario_result import ScenarioResult

MAX_COUNTED = 1000
"""Simulations whose decisions are counted; of a client that died nobody says that its simulation is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioTask:
    """A scenario to run, and with which agent."""

    simulation_id: str
    """Makes the ids of the sessions, so that a task that is given again goes on where it stopped."""
    number: int
    """The scenario's place in the simulation, from 1: two may have the same name."""
    scenario: Scenario
    agent: RunSpec
    """The model, the protocol and the limits of every decision; the rest is filled in."""

    decider: str = ""
    """The agent, for people."""

    @property
    def options(self) -> RunSpec:
        """What holds for every decision; a repetition is asked with a sampling seed of its own, lest it be answered from the cache."""
        repetition = self.scenario.repetition
        return replace(self.agent, seed=repetition) if repetition > 1 and self.agent.seed is None else self.agent


class Sessions(Protocol):
    """What is needed of the runtime's sessions."""

    async def with_tools(self, spec: RunSpec, tools: Sequence[str]) -> RunSpec:
        """The spec with pool tools added; raises LLMConfigurationError."""
        ...

    async def run(self, session_id: str, spec: RunSpec, timeout_s: float) -> RunOutcome:
        """How the session's one run ended; a session that is there already is not begun again. Raises LLMIntegrationError."""
        ...


class ScenarioActor:
    """Drives the control loops of scenarios; its state is in the sessions' logs."""

    def __init__(self, sessions: Sessions, prompts: PromptManager, *, max_counted: int = MAX_COUNTED) -> None:
        self._sessions = sessions
        self._max_counted = max_counted
        self._prompts = prompts
        self._decisions: dict[str, int] = {}

    async def run(self, call: CallContext, task: ScenarioTask) -> ScenarioResult:
        """The finished scenario; a decision that fails is a recorded no-action."""
        began = time.monotonic()
        agent = await self._sessions.with_tools(task.options, [reference(name) for name in task.scenario.tools])
        loop, outcomes = ControlLoop.start(task.scenario), []
        while not loop.finished:
            outcome = await self._decision(task, agent, loop)
            outcomes.append(outcome)
            loop = loop.period(loop.decide(outcome.result) if outcome.ok else Decision(problem=_reason(outcome)))
            self._count(task.simulation_id)
        counted = await asyncio.to_thread(row, loop, outcomes, time.monotonic() - began, task.decider)  # it runs the baselines
        return ScenarioResult(row=counted, loop=loop, outcomes=tuple(outcomes))

    async def _decision(self, task: ScenarioTask, agent: RunSpec, loop: ControlLoop) -> RunOutcome:
        session_id = f"{task.simulation_id}/{task.number}/{task.scenario.name}/{len(loop.records) + 1}"
        try:
            return await self._sessions.run(session_id, self._spec(agent, loop), agent.limits.deadline_s + 10)
        except LLMIntegrationError as error:
            return RunOutcome(session_id=session_id, run_id=f"{session_id}.1", status="failed", error=ErrorRecord.of(error))

    def decisions(self, call: CallContext, simulation_id: str) -> int:
        """How many decisions of a simulation were made so far."""
        return self._decisions.get(simulation_id, 0)

    def forget(self, call: CallContext, simulation_id: str) -> None:
        """The simulation is over."""
        self._decisions.pop(simulation_id, None)

    def _count(self, simulation_id: str) -> None:
        self._decisions[simulation_id] = self._decisions.pop(simulation_id, 0) + 1  # as the last
        if len(self._decisions) > self._max_counted:
            del self._decisions[next(iter(self._decisions))]

    def _spec(self, agent: RunSpec, loop: ControlLoop) -> RunSpec:
        snapshot = loop.snapshot()
        return replace(
            agent,
            system=self._prompts.render_template("web_farm_system", farm=snapshot),
            objective=self._prompts.render_template("web_farm_objective", farm=snapshot, objective=loop.scenario.objective),
            result_schema=DECISION_SCHEMA,
            context={"farm": snapshot},
        )


def _reason(outcome: RunOutcome) -> str:
    return f"{outcome.status}: {outcome.error.message if outcome.error else 'no answer'}"
