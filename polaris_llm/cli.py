"""The command line: `polaris-llm`. Errors of the user's are one line and exit code 1; wrong usage is exit code 2."""

import functools
import itertools
import json
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import click
import yaml
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table
from rich.text import Text

from .actors.runtime import LLMRuntime
from .core.exceptions import LLMIntegrationError
from .core.runs import RunLimits
from .core.scenarios.families import FAMILIES
from .core.scenarios.results import SimulationResults
from .core.scenarios.scenario import Scenario
from .core.scenarios.table import results_table
from .core.settings import LoadedSettings, Settings
from .core.settings_errors import masked

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


@main.group()
def config() -> None:
    """Look at a settings file: ours, or POLARIS's own."""


profile_option = click.option("--profile", help="Which of the file's profiles.  [default: what POLARIS_ENVIRONMENT says]")


@config.command()
@click.argument("file")
@profile_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of the table.")
@one_line_errors
def check(file: str, profile: str | None, as_json: bool) -> None:
    """Tell what becomes of every setting that FILE gives; exit code 1 if it does not load."""
    try:
        loaded = Settings.load_with_notes(file, profile)
    except LLMIntegrationError as error:
        if not as_json:
            raise
        click.echo(json.dumps({"loads": False, "source": file, "error": error.message}, indent=2))
        raise click.exceptions.Exit(1) from None
    if as_json:
        click.echo(json.dumps(_report(loaded), indent=2))
    else:
        _show_notes(loaded)


@config.command()
@click.argument("file")
@profile_option
@one_line_errors
def show(file: str, profile: str | None) -> None:
    """Print the settings that FILE results in, defaults included, as YAML; secrets are not shown."""
    content = masked(Settings.load_with_notes(file, profile).settings.model_dump(mode="json"))
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    click.echo(text.replace("${", "$${"), nl=False)  # no variable: it can be loaded again


def _report(loaded: LoadedSettings) -> dict[str, Any]:  # JSON
    notes = [{"path": note.path, "value": note.value, "effect": note.effect, "used": note.is_used} for note in loaded.notes]
    return {"loads": True, "source": loaded.source, "settings": notes}


def _show_notes(loaded: LoadedSettings) -> None:
    """A table for people, or one line per setting for programs, its three parts apart by tabs."""
    console = Console()
    if console.is_terminal:
        console.print(_notes_table(loaded))
    else:
        click.echo("".join(f"{note.path}\t{note.value}\t{note.effect}\n" for note in loaded.notes), nl=False)
    used = sum(note.is_used for note in loaded.notes)
    click.echo(f"{loaded.source}: {used} settings are used, {len(loaded.notes) - used} are not", err=not console.is_terminal)


def _notes_table(loaded: LoadedSettings) -> Table:
    table = Table(Column("setting", overflow="fold"), Column("effect", overflow="fold"), box=SIMPLE)
    for section, notes in itertools.groupby(loaded.notes, lambda note: note.path.partition(".")[0]):
        table.add_row(Text(section, style="bold"))
        for note in notes:
            name = note.path.partition(".")[2] or note.path
            table.add_row(Text(f"  {name} = {note.value}"), Text(note.effect, style="" if note.is_used else "yellow"))
    return table


def _scenarios(seeds: int, periods: int, real: bool) -> list[Scenario]:
    families = ["high_load"] if real else ["failure_recovery", "high_load"]
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
