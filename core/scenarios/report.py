"""What came of scenarios that agents ran, beside what the baselines make of them: rows and summaries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from statistics import fmean
from typing import Any

from pydantic import JsonValue, TypeAdapter

from ..runs import RunOutcome
from .baseline import BASELINES
from .control_loop import ControlLoop, run_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is counted of one run of a scenario, or of several: then utilities are means, and all else are sums."""

    utility: float
    threshold_utility: float
    """Of the baseline of thresholds."""
    proactive_utility: float
    """Of the baseline that plans for the forecast."""
    idle_utility: float
    """Of doing nothing."""
    sla_violations: int
    threshold_sla_violations: int
    proactive_sla_violations: int
    idle_sla_violations: int
    actions: int
    invalid_decisions: int
    """Decisions whose answer, or lack of one, could not be used."""
    failed_runs: int
    """Decisions to which no answer came."""
    steps: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    cache_hits: int
    cost_usd: float | None
    """None where the price of a call is not known."""
    wall_s: float
    """A sum too, though runs may go on side by side."""

    @property
    def tokens(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioRow(Figures):
    """One scenario run by agents."""

    scenario: str
    family: str
    seed: int
    group: str = ""
    """The family and what the grid chose."""
    variant: dict[str, JsonValue] = field(default_factory=dict)
    repetition: int = 1
    agent: str = ""
    """Who decided."""
    periods: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Figures):
    """All runs of a group."""

    group: str
    runs: int
    better: int
    """Runs that earned more utility than the thresholds."""


SCENARIO_ROW: TypeAdapter[ScenarioRow] = TypeAdapter(ScenarioRow)


def row(loop: ControlLoop, outcomes: Iterable[RunOutcome], wall_s: float, agent: str = "") -> ScenarioRow:
    """The row of a finished loop whose decisions had these outcomes; the baselines are run for it."""
    scenario, outcomes = loop.scenario, tuple(outcomes)
    reacting, planning, idle = (run_policy(scenario, BASELINES[name]) for name in ("thresholds", "proactive", "do_nothing"))
    return ScenarioRow(
        scenario=scenario.name,
        family=scenario.family,
        seed=scenario.seed,
        group=scenario.group,
        variant=scenario.variant,
        repetition=scenario.repetition,
        agent=agent,
        periods=scenario.periods,
        utility=loop.utility,
        threshold_utility=reacting.utility,
        proactive_utility=planning.utility,
        idle_utility=idle.utility,
        sla_violations=loop.sla_violations,
        threshold_sla_violations=reacting.sla_violations,
        proactive_sla_violations=planning.sla_violations,
        idle_sla_violations=idle.sla_violations,
        actions=len(loop.actions),
        invalid_decisions=loop.invalid_decisions,
        failed_runs=sum(not outcome.ok for outcome in outcomes),
        steps=sum(outcome.steps for outcome in outcomes),
        tool_calls=sum(outcome.tool_calls for outcome in outcomes),
        input_tokens=sum(outcome.usage.input_tokens for outcome in outcomes),
        output_tokens=sum(outcome.usage.output_tokens for outcome in outcomes),
        cache_hits=sum(outcome.cache_hits for outcome in outcomes),
        cost_usd=sum_if_known([outcome.cost_usd for outcome in outcomes]),
        wall_s=wall_s,
    )


def summaries(rows: Sequence[ScenarioRow]) -> tuple[Summary, ...]:
    """One summary per group, in the order of their first rows."""
    groups = dict.fromkeys(row.group for row in rows)
    return tuple(_summary(group, [row for row in rows if row.group == group]) for group in groups)


def _summary(group: str, rows: Sequence[ScenarioRow]) -> Summary:
    columns = {field.name: [getattr(row, field.name) for row in rows] for field in fields(Figures)}
    figures: dict[str, Any] = {  # by field name
        name: fmean(values) if name.endswith("utility") else sum_if_known(values) for name, values in columns.items()
    }
    return Summary(group=group, runs=len(rows), better=sum(row.utility > row.threshold_utility for row in rows), **figures)


def sum_if_known(values: Sequence[float | None]) -> float | None:
    """Their sum; None where one of them is."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
