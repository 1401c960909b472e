"""What a page about results shows, as values: totals, groups and runs with their charts. How it looks stands in the template."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from .comparison import GroupSummary, group_summaries
from .control_loop import ControlLoop, PeriodRecord
from .estimates import Estimate
from .report import ScenarioRow, sum_if_known
from .scenario_result import ScenarioFailure, ScenarioResult
from .svg_charts import Interval, IntervalGroup, Series, interval_chart, step_chart

POLICIES = {"agents": "agents", "thresholds": "thresholds", "proactive": "proactive", "do_nothing": "do nothing"}
"""Their names for people; the keys are the CSS classes too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What some runs took."""

    decisions: int
    steps: int
    input_tokens: int
    output_tokens: int
    cache_hits: int
    cost_usd: float | None
    """None where the price of a call is not known."""

    @classmethod
    def of(cls, rows: Sequence[ScenarioRow]) -> "Spending":
        """The sum over these runs."""
        return cls(
            decisions=sum(row.periods for row in rows),
            steps=sum(row.steps for row in rows),
            input_tokens=sum(row.input_tokens for row in rows),
            output_tokens=sum(row.output_tokens for row in rows),
            cache_hits=sum(row.cache_hits for row in rows),
            cost_usd=sum_if_known([row.cost_usd for row in rows]) if rows else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartView:
    """A chart under its title."""

    title: str
    image: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One finished run."""

    row: ScenarioRow
    spending: Spending
    charts: tuple[ChartView, ...]
    records: tuple[PeriodRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """The runs of a group."""

    summary: GroupSummary
    spending: Spending
    runs: tuple[RunView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why something failed, how often, and in which runs."""

    reason: str
    times: int
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """Everything on the page."""

    agents: tuple[str, ...]
    is_mock: bool
    """Whether a mock decided any of it."""
    runs: int
    """Those that were finished."""
    spending: Spending
    groups: tuple[GroupView, ...]
    utility_chart: Markup
    better: int
    """Runs that earned more than the thresholds."""
    run_failures: tuple[Problem, ...]
    decision_failures: tuple[Problem, ...]
    """Of decisions that were taken as no action, the most frequent first."""


def view_of(results: Sequence[ScenarioResult | ScenarioFailure]) -> ReportView:
    """What there is to show of these results."""
    finished = [result for result in results if isinstance(result, ScenarioResult)]
    rows = [result.row for result in finished]
    summaries = group_summaries(rows)
    agents = tuple(dict.fromkeys(row.agent for row in rows if row.agent))
    return ReportView(
        agents=agents,
        is_mock=any(agent.startswith("mock") for agent in agents),
        runs=len(rows),
        spending=Spending.of(rows),
        groups=tuple(_group(finished, summary) for summary in summaries),
        utility_chart=_utility_chart(summaries),
        better=sum(row.utility > row.threshold_utility for row in rows),
        run_failures=tuple(_run_failure(result) for result in results if isinstance(result, ScenarioFailure)),
        decision_failures=tuple(_decision_failures(finished)),
    )


def _group(finished: Sequence[ScenarioResult], summary: GroupSummary) -> GroupView:
    members = [result for result in finished if result.row.group == summary.group]
    spending = Spending.of([member.row for member in members])
    return GroupView(summary=summary, spending=spending, runs=tuple(_run(member) for member in members))


def _run(result: ScenarioResult) -> RunView:
    return RunView(row=result.row, spending=Spending.of([result.row]), charts=_charts(result.loop), records=result.loop.records)


def _charts(loop: ControlLoop) -> tuple[ChartView, ...]:
    records, parameters = loop.records, loop.scenario.parameters
    breaks = [record.period for record in records if record.failed]
    response = _series("agents", [record.interval.response_time_s for record in records])
    load = _series("load", [record.interval.arrival_rate for record in records])
    dimmer = _series("dimmer", [record.state.dimmer for record in records])
    powered = _series("powered", [record.state.powered for record in records])
    active = _series("servers", [record.state.active for record in records])
    return (
        _chart("Response time, s", [response], limit=parameters.sla_s, marks=breaks),
        _chart("Load, requests/s", [load], marks=breaks),
        _chart("Dimmer", [dimmer], highest=1.0, marks=breaks),
        _chart("Servers: working, and booting", [powered, active], highest=parameters.max_servers, marks=breaks),
    )


def _series(colour: str, values: Sequence[float]) -> Series:
    return Series(values=tuple(values), colour=colour)


def _chart(title: str, series: Sequence[Series], **options: Any) -> ChartView:  # those of step_chart
    return ChartView(title=title, image=step_chart(title, series, **options))


def _utility_chart(summaries: Sequence[GroupSummary]) -> Markup:
    groups = [IntervalGroup(name=summary.group, intervals=tuple(_intervals(summary))) for summary in summaries]
    return interval_chart("Utility of a run: means and 95 % intervals over the seeds", groups)


def _intervals(summary: GroupSummary) -> list[Interval]:
    estimates: dict[str, Estimate] = {"agents": summary.utility, **summary.baselines}
    return [Interval(name=label, estimate=estimates[policy], colour=policy) for policy, label in POLICIES.items()]


def _run_failure(failure: ScenarioFailure) -> Problem:
    return Problem(reason=failure.error.message, times=1, runs=(failure.scenario.name,))


def _decision_failures(finished: Sequence[ScenarioResult]) -> list[Problem]:
    found: dict[str, Counter[str]] = {}
    for result in finished:
        for record in result.loop.records:
            if record.decision.problem is not None:
                found.setdefault(record.decision.problem, Counter())[result.row.scenario] += 1
    problems = [Problem(reason=reason, times=runs.total(), runs=tuple(runs)) for reason, runs in found.items()]
    return sorted(problems, key=lambda problem: -problem.times)
