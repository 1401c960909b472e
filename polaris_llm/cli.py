"""The command line: `polaris-llm`. Errors of the user's are one line and exit code 1; wrong usage is exit code 2."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .actors.runtime import LLMRuntime
from .core.exceptions import LLMIntegrationError
from .core.runs import RunLimits
from .core.scenarios.results import SimulationResults
from .core.scenarios.scenario import FAMILIES, Scenario
from .core.scenarios.table import results_table
from .core.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

REASONER = "polaris_llm.core.scenarios.reasoner:reason"
REAL_MODEL_DECISIONS = 10
"""Control periods of a demo against a real model, which is slow and may cost money."""


def one_line_errors(command: Callable[P, R]) -> Callable[P, R]:
    """The command, with the package's own errors as one line."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except LLMIntegrationError as error:
            raise click.ClickException(f"{error.message} [{error.error_code}]") from None

    return wrapped


@click.group()
@click.version_option(package_name="polaris-llm")
def main() -> None:
    """LLM agents as actors on a Ray cluster."""


@main.command()
@click.option("--provider", type=click.Choice(["mock", "local", "openai"]), default="mock", show_default=True, help="Who decides.")
@click.option("--base-url", help="The model server's URL, such as http://127.0.0.1:8080/v1 (local).")
@click.option("--model", help="The model's name (local, openai).")
@click.option("--api-key", help="Where the key is found: env:NAME or file:PATH (openai).")
@click.option("--engine", type=click.Choice(["ray", "inline"]), default="ray", show_default=True, help="inline needs no Ray.")
@click.option("--seeds", type=click.IntRange(1, 100), help="Runs of each scenario.  [default: 3; against a real model 1]")
@click.option("--periods", type=click.IntRange(1, 200), help="Control periods of each run.  [default: 12; against a real model 10]")
@one_line_errors
def demo(provider: str, base_url: str | None, model: str | None, api_key: str | None, engine: str, **sizes: int | None) -> None:
    """Adapt a simulated web farm: one agentic session per control period, scenarios side by side.

    With the provider "mock" a scripted reasoner decides: no language model is asked.
    """
    real = provider != "mock"
    llm = {"kind": provider, "base_url": base_url, "model": model, "api_key": api_key, "script": None if real else REASONER}
    settings = Settings.load({"llm": {name: value for name, value in llm.items() if value is not None}, "runtime": {"engine": engine}})
    scenarios = _scenarios(sizes["seeds"] or (1 if real else 3), sizes["periods"] or (REAL_MODEL_DECISIONS if real else 12), real)
    console = Console()
    agent = {"protocol": "json", "limits": RunLimits(max_steps=4, deadline_s=300.0)} if provider == "local" else {}
    with console.status(f"Starting the actors ({engine})"), LLMRuntime.start(settings) as runtime:
        who = f"{provider} model {settings.provider().model}" if real else "mock (a script, no language model)"
        console.print(f"{len(scenarios)} scenarios on engine {engine}, decided by {who}")
        results = _with_progress(console, lambda tell: runtime.simulate(scenarios, on_progress=tell, **agent))
    _show(console, results)


def _scenarios(seeds: int, periods: int, real: bool) -> list[Scenario]:
    families = ["high_load"] if real else sorted(FAMILIES)
    return [FAMILIES[family](seed, periods) for family in families for seed in range(1, seeds + 1)]


def _with_progress(console: Console, work: Callable[[Callable[[int, int], None]], SimulationResults]) -> SimulationResults:
    columns: tuple[Any, ...] = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())  # rich's columns
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("decisions", total=None)
        results = work(lambda decided, total: progress.update(task, completed=decided, total=total))
        decided = sum(len(result.outcomes) for result in results.finished)
        progress.update(task, completed=decided, total=decided)
    return results


def _show(console: Console, results: SimulationResults) -> None:
    console.print(results_table(results))
    for problem, count in results.problems().items():
        console.print(f"{count} decisions without effect: {problem}", style="yellow", markup=False)
    rows = results.rows()
    tokens = sum(row.tokens for row in rows)
    decisions = sum(len(result.outcomes) for result in results.finished)
    better = sum(row.utility > row.threshold_utility for row in rows)
    console.print(f"\nAgents earned more utility than the threshold baseline in {better} of {len(rows)} runs.")
    console.print(f"{decisions} decisions, {sum(row.steps for row in rows)} steps, {tokens:,} tokens, {results.wall_s:.1f} s in all")
