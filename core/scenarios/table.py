"""The rows of a simulation: a table for people, in a terminal of 80 columns, and lines for programs."""

from collections.abc import Sequence

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from .report import Figures, ScenarioRow, summaries
from .results import SimulationResults


def results_table(results: SimulationResults) -> Group:
    """The rows of all that ran to their end, and below them why others did not."""
    failures = (Text(f"{failure.scenario.name} failed: {failure.error.message}", style="red") for failure in results.failures)
    return Group(table(results.rows()), *failures)


def results_lines(results: SimulationResults) -> list[str]:
    """One line for each run, its fields apart by tabs as in the table's columns; of one that failed, its name and the reason."""
    finished = ["\t".join((row.scenario, *_cells(row))) for row in results.rows()]
    return finished + [f"{failure.scenario.name}\tfailed\t{' '.join(failure.error.message.split())}" for failure in results.failures]


def table(rows: Sequence[ScenarioRow]) -> Table:
    """The rows, then a line for each group; it fits 80 columns. `late`: periods over the SLA, theirs:baseline."""
    shown = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    shown.add_column("scenario", overflow="fold")
    for title in ("utility", "baseline", "late", "actions", "bad", "steps", "tokens", "hits", "s"):
        shown.add_column(title, justify="right", no_wrap=True, min_width=len(title))
    for row in rows:
        shown.add_row(Text(row.scenario), *_cells(row))
    shown.add_section()
    for summary in summaries(rows):
        shown.add_row(Text(summary.group), *_cells(summary), style="bold")
    return shown


def _cells(figures: Figures) -> tuple[str, ...]:
    late = f"{figures.sla_violations}:{figures.threshold_sla_violations}"
    counts = (figures.actions, figures.invalid_decisions, figures.steps)
    utilities = (f"{figures.utility:.0f}", f"{figures.threshold_utility:.0f}")
    return (*utilities, late, *map(str, counts), _short(figures.tokens), str(figures.cache_hits), f"{figures.wall_s:.1f}")


def _short(count: int) -> str:
    return f"{count / 1000:.0f}k" if count >= 10_000 else str(count)
