"""Results as one HTML page that needs no network: what the agents earned beside the baselines, every run, and what failed and why."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from ..prompt_files import BUILT_IN
from .estimates import Estimate
from .report_view import POLICIES, view_of
from .scenario_result import ScenarioFailure, ScenarioResult

TEMPLATE = "scenario_report.html.j2"
TITLE = "What-if scenarios"


def write_report(
    results: Sequence[ScenarioResult | ScenarioFailure],
    path: str | Path,
    *,
    title: str = TITLE,
    subtitle: str = "",
) -> Path:
    """The path of the page, which is written there."""
    target = Path(path)
    target.write_text(report_html(results, title=title, subtitle=subtitle), encoding="utf-8")
    return target


def report_html(results: Sequence[ScenarioResult | ScenarioFailure], *, title: str = TITLE, subtitle: str = "") -> str:
    """The page; every text in it is escaped."""
    environment = Environment(
        loader=FileSystemLoader(BUILT_IN), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(interval=_interval, count=_count, breakable=_breakable)
    page = environment.get_template(TEMPLATE)
    return page.render(title=title, subtitle=subtitle, view=view_of(results), policies=POLICIES)


def _interval(estimate: Estimate) -> str:
    """A mean and its interval, as narrow as a cell."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.mean:,.0f}"
    return f"{estimate.mean:,.0f} [{estimate.low:,.0f}, {estimate.high:,.0f}]"


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _breakable(name: str) -> Markup:
    """A name that may be broken where the grid's choices begin."""
    return escape(name).replace("[", Markup("<wbr>[")).replace(",", Markup(",<wbr>"))
