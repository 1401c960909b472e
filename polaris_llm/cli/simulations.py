"""What `demo` and `run` share: the live progress of a simulation, and its results as tables."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from ..core.scenarios.comparison import Comparison, GroupSummary
from ..core.scenarios.estimates import Estimate
from ..core.scenarios.results import SimulationResults
from ..core.scenarios.scenario_result import ScenarioFailure, ScenarioResult
from ..core.scenarios.table import results_lines, results_table
from .output import one_line, print_table, printable, stdout
from .story import counted

REASONER = "llm.script=polaris_llm.core.scenarios.reasoner:reason"
"""The setting by which a script decides, where nobody names a model."""
SHOWN_ROWS = 40
"""Runs that are told one by one; of more, the groups only."""

GROUPS = (
    Column("group", no_wrap=True),
    Column("runs", justify="right", no_wrap=True),
    Column("utility", justify="right", no_wrap=True),
    Column("over thresholds", justify="right", no_wrap=True),
    Column("over proactive", justify="right", no_wrap=True),
    Column("over doing nothing", justify="right", no_wrap=True),
    Column("late periods", justify="right", no_wrap=True),
)
WIDE_GROUPS = {"over proactive", "over doing nothing", "late periods"}
COMPARED = (
    Column("group", no_wrap=True),
    Column("here", justify="right", no_wrap=True),
    Column("there", justify="right", no_wrap=True),
    Column("difference", justify="right", no_wrap=True),
    Column("taken", no_wrap=True),
)

Work = Callable[[Callable[[int, int], None], Callable[[ScenarioResult | ScenarioFailure], None]], SimulationResults]
"""A simulation; it takes what is to be called with the decisions made and to be made, and with each run that ends."""


def with_progress(console: Console, work: Work) -> SimulationResults:
    """The results; until they are there, a bar tells how many decisions were made, and failures are told as they come."""
    columns: tuple[Any, ...] = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())  # rich's columns
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("decisions", total=None)

        def told(result: ScenarioResult | ScenarioFailure) -> None:
            if isinstance(result, ScenarioFailure):
                text = f"{result.scenario.name} failed: {one_line(result.error.message)}"
                progress.console.print(Text(text, style="red"), soft_wrap=True)

        results = work(lambda decided, total: progress.update(task, completed=decided, total=total), told)
        decided = sum(len(result.outcomes) for result in results.finished)
        progress.update(task, completed=decided, total=decided)
    return results


def print_results(results: SimulationResults) -> None:
    """Each run, if they are few; each group beside its baselines; and what went wrong."""
    console = stdout()
    if len(results.results) <= SHOWN_ROWS:
        _print_runs(console, results)
    if results.finished:
        print_table(GROUPS, [_group_row(summary) for summary in results.summary()], wide_only=WIDE_GROUPS)
        console.print("Means, with 95 % confidence intervals over the seeds.", style="dim")
    for problem, count in results.problems().items():
        _print_line(console, f"{counted(count, 'decision')} without effect: {one_line(problem)}", style="yellow")
    rows = results.rows()
    steps, tokens = sum(row.steps for row in rows), sum(row.tokens for row in rows)
    decisions = sum(len(result.outcomes) for result in results.finished)
    better = sum(row.utility > row.threshold_utility for row in rows)
    _print_line(console, f"\nAgents earned more utility than the threshold baseline in {better} of {counted(len(rows), 'run')}.")
    took = f"{counted(decisions, 'decision')}, {counted(steps, 'step')}, {tokens:,} tokens, {results.wall_s:.1f} s in all"
    failed = f"; {counted(len(results.failures), 'run')} failed" if results.failures else ""
    _print_line(console, took + failed)


def _print_runs(console: Console, results: SimulationResults) -> None:
    if console.is_terminal:
        console.print(results_table(results))
    else:
        click.echo("\n".join(map(printable, results_lines(results))))
    console.print()


def _print_line(console: Console, text: str, style: str = "") -> None:
    """Broken at words in a terminal, and nowhere for programs."""
    console.print(text, style=style, markup=False, soft_wrap=not console.is_terminal)


def print_comparison(comparisons: Iterable[Comparison]) -> None:
    """One row per group: these results beside others."""
    print_table(COMPARED, [_compared_row(comparison) for comparison in comparisons], wide_only={"taken"})


def results_as_json(results: SimulationResults, comparisons: Iterable[Comparison] = ()) -> dict[str, Any]:  # JSON
    """The groups and the runs; what each run decided stands in the files of --out."""
    return {
        "summary": [asdict(summary) for summary in results.summary()],
        "runs": results.runs.records(),
        "failures": [{"scenario": failure.scenario.name, "error": asdict(failure.error)} for failure in results.failures],
        "problems": results.problems(),
        "comparison": [asdict(comparison) for comparison in comparisons],
        "wall_s": results.wall_s,
    }


def _group_row(summary: GroupSummary) -> tuple[str | Text, ...]:
    gains = (_gain(summary.gains[name]) for name in ("thresholds", "proactive", "do_nothing"))
    return one_line(summary.group), str(summary.runs), _interval(summary.utility), *gains, _interval(summary.late)


def _compared_row(comparison: Comparison) -> tuple[str | Text, ...]:
    pairs = "seed by seed" if comparison.paired else "as wholes"
    return one_line(comparison.group), _interval(comparison.ours), _interval(comparison.theirs), _gain(comparison.difference), pairs


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.mean:.1f}"
    return f"{estimate.mean:.1f} [{estimate.low:.1f}, {estimate.high:.1f}]"


def _gain(estimate: Estimate) -> Text:
    style = "" if not estimate.is_sure else "green" if estimate.mean > 0 else "red"
    return Text(f"{'+' if estimate.mean > 0 else ''}{_interval(estimate)}", style=style)
