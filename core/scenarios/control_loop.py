"""The control loop over a scenario as a fold: a loop and a decision give the next loop. It waits for nobody."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic import JsonValue, TypeAdapter

from .actions import Action, apply, fail
from .decision import Decision, decision_from
from .scenario import Scenario
from .web_farm import FarmParameters, FarmState, Interval, advance

HISTORY = 6
"""Intervals that a snapshot shows, the newest last."""
PAST_DECISIONS = 12
"""Decisions that a snapshot shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDecision:
    """What was decided for a period, and what came of it."""

    period: int
    action: Action
    reasoning: str
    problem: str | None
    utility_before: float
    """Per second, of the period before."""
    utility: float
    response_time_s: float
    sla_met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a controller may know when it decides: the farm and its past, nothing of what comes."""

    scenario: str
    period: int
    """The control period to decide for, from 1."""
    periods: int
    control_period_s: float
    parameters: FarmParameters
    state: FarmState
    history: tuple[Interval, ...]
    decisions: tuple[PastDecision, ...] = ()
    """The latest last."""


SNAPSHOT: TypeAdapter[Snapshot] = TypeAdapter(Snapshot)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRecord:
    """One control period: what was decided, what broke and what came of it."""

    period: int
    decision: Decision
    failed: int
    interval: Interval
    state: FarmState
    """The farm at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlLoop:
    """A scenario and how far it has come."""

    scenario: Scenario
    state: FarmState
    warm_up: Interval
    records: tuple[PeriodRecord, ...] = ()

    @classmethod
    def start(cls, scenario: Scenario) -> "ControlLoop":
        """The loop after the warm-up, before its first decision."""
        progress = advance(scenario.parameters, scenario.initial, scenario.trace[0], scenario.control_period_s)
        return cls(scenario=scenario, state=progress.state, warm_up=progress.interval)

    @property
    def finished(self) -> bool:
        """Whether every control period is over."""
        return len(self.records) >= self.scenario.periods

    @property
    def history(self) -> tuple[Interval, ...]:
        """All that was observed, the warm-up first."""
        return (self.warm_up, *(record.interval for record in self.records))

    @property
    def utility(self) -> float:
        """The sum over the control periods, as SWIM reports it."""
        return sum(record.interval.utility for record in self.records)

    @property
    def sla_violations(self) -> int:
        """Control periods whose mean response time was over the SLA."""
        return sum(not record.interval.sla_met for record in self.records)

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions of the control periods, NO_ACTION left out."""
        return tuple(record.decision.action for record in self.records if record.decision.action.action_type != "NO_ACTION")

    @property
    def invalid_decisions(self) -> int:
        """Answers that could not be used."""
        return sum(record.decision.problem is not None for record in self.records)

    def view(self) -> Snapshot:
        """What the next decision may be based on."""
        return Snapshot(
            scenario=self.scenario.name,
            period=len(self.records) + 1,
            periods=self.scenario.periods,
            control_period_s=self.scenario.control_period_s,
            parameters=self.scenario.parameters,
            state=self.state,
            history=self.history[-HISTORY:],
            decisions=self._past_decisions(),
        )

    def _past_decisions(self) -> tuple[PastDecision, ...]:
        pairs = list(zip(self.records, self.history, strict=False))[-PAST_DECISIONS:]
        return tuple(
            PastDecision(
                period=record.period,
                action=record.decision.action,
                reasoning=record.decision.reasoning,
                problem=record.decision.problem,
                utility_before=before.utility,
                utility=record.interval.utility,
                response_time_s=record.interval.response_time_s,
                sla_met=record.interval.sla_met,
            )
            for record, before in pairs
        )

    def snapshot(self) -> dict[str, JsonValue]:
        """The view as JSON: what prompts are rendered from and tools read under `farm`."""
        snapshot: dict[str, JsonValue] = SNAPSHOT.dump_python(self.view(), mode="json")
        return snapshot

    def decide(self, result: JsonValue) -> Decision:
        """The decision that an agent's final answer means now."""
        return decision_from(result, self.scenario.parameters, self.state)

    def period(self, decision: Decision) -> "ControlLoop":
        """The loop one control period later; raises ValueError when it is finished or the action impossible."""
        scenario, number = self.scenario, len(self.records) + 1
        if self.finished:
            raise ValueError(f"scenario {scenario.name!r} is over after {scenario.periods} periods: start a new loop")
        acted = apply(scenario.parameters, self.state, decision.action)
        failed = scenario.servers_failing_in(number)
        progress = advance(scenario.parameters, fail(acted, failed), scenario.trace[number], scenario.control_period_s)
        record = PeriodRecord(period=number, decision=decision, failed=failed, interval=progress.interval, state=progress.state)
        return replace(self, state=progress.state, records=(*self.records, record))


Policy = Callable[[ControlLoop], Action]
"""Decides for the next control period."""


def run_policy(scenario: Scenario, policy: Policy) -> ControlLoop:
    """The finished loop of a policy."""
    loop = ControlLoop.start(scenario)
    while not loop.finished:
        loop = loop.period(Decision(action=policy(loop)))
    return loop
