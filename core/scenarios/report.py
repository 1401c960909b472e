"""What came of scenarios that agents ran, beside what the baselines make of them: rows and summaries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from statistics import fmean
from typing import Any

from pydantic import TypeAdapter

from ..runs import RunOutcome
from .baseline import do_nothing, thresholds
from .control_loop import ControlLoop, run_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is counted of one run of a scenario, or of several: then utilities are means, and all else are sums."""

    utility: float
    threshold_utility: float
    """Of the baseline of thresholds."""
    idle_utility: float
    """Of doing nothing."""
    sla_violations: int
    threshold_sla_violations: int
    actions: int
    invalid_decisions: int
    """Decisions whose answer, or lack of one, could not be used."""
    failed_runs: int
    """Decisions to which no answer came."""
    steps: int
    tokens: int
    cache_hits: int
    wall_s: float
    """A sum too, though runs may go on side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioRow(Figures):
    """One scenario run by agents."""

    scenario: str
    family: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary(Figures):
    """All runs of a family."""

    family: str
    runs: int
    better: int
    """Runs that earned more utility than the thresholds."""


SCENARIO_ROW: TypeAdapter[ScenarioRow] = TypeAdapter(ScenarioRow)


def row(loop: ControlLoop, outcomes: Iterable[RunOutcome], wall_s: float) -> ScenarioRow:
    """The row of a finished loop whose decisions had these outcomes; the baselines are run for it."""
    scenario, outcomes = loop.scenario, tuple(outcomes)
    reacting, idle = run_policy(scenario, thresholds), run_policy(scenario, do_nothing)
    return ScenarioRow(
        scenario=scenario.name,
        family=scenario.family,
        seed=scenario.seed,
        utility=loop.utility,
        threshold_utility=reacting.utility,
        idle_utility=idle.utility,
        sla_violations=loop.sla_violations,
        threshold_sla_violations=reacting.sla_violations,
        actions=len(loop.actions),
        invalid_decisions=loop.invalid_decisions,
        failed_runs=sum(not outcome.ok for outcome in outcomes),
        steps=sum(outcome.steps for outcome in outcomes),
        tokens=sum(outcome.usage.total_tokens for outcome in outcomes),
        cache_hits=sum(outcome.cache_hits for outcome in outcomes),
        wall_s=wall_s,
    )


def summaries(rows: Sequence[ScenarioRow]) -> tuple[Summary, ...]:
    """One summary per family, in the order of their first rows."""
    families = dict.fromkeys(row.family for row in rows)
    return tuple(_summary(family, [row for row in rows if row.family == family]) for family in families)


def _summary(family: str, rows: Sequence[ScenarioRow]) -> Summary:
    columns = {field.name: [getattr(row, field.name) for row in rows] for field in fields(Figures)}
    figures: dict[str, Any] = {  # by field name
        name: fmean(values) if name.endswith("utility") else sum(values) for name, values in columns.items()
    }
    return Summary(family=family, runs=len(rows), better=sum(row.utility > row.threshold_utility for row in rows), **figures)
