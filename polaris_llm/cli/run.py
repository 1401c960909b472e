"""`polaris-llm run`: the what-if scenarios of a file, side by side, and what came of them."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.table import Column

from ..core.exceptions import LLMConfigurationError
from ..core.scenarios.results import SimulationResults
from ..core.scenarios.scenario import Scenario
from ..core.scenarios.scenario_file import ScenarioFile, scenario_schema
from .ask import asked_runtime, connect_option, engine_option
from .commands import NO_RESULT, Command, as_json_option, examples, taken_together
from .output import note, print_json, print_table, stderr
from .runtime_choice import RuntimeChoice, runtime_options
from .settings_choice import SettingsChoice, parsed_change, settings_options
from .simulations import REASONER, print_comparison, print_results, results_as_json, with_progress
from .story import counted
from .tool_choice import with_modules_of_this_folder

COLUMNS = (
    Column("scenario", no_wrap=True),
    Column("seed", justify="right"),
    Column("periods", justify="right"),
    Column("peak load", justify="right"),
    Column("failures", justify="right"),
    Column("group", no_wrap=True, overflow="ellipsis"),
)

Writer = Callable[[SimulationResults, str], object]
WRITERS: dict[str, Writer] = {
    ".json": lambda results, file: results.to_json(file),
    ".csv": lambda results, file: results.to_csv(file),
    ".html": lambda results, file: results.to_html(file),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioChoice:
    """A scenario file, and what is said instead of it."""

    file: str
    seeds: int | None
    periods: int | None
    overrides: tuple[str, ...]
    grid: tuple[str, ...]

    def load(self) -> ScenarioFile:
        """The file with these changes; raises LLMConfigurationError."""
        sizes = {name: value for name, value in (("seeds", self.seeds), ("periods", self.periods)) if value is not None}
        changes = {".".join(path): value for path, value in (parsed_change(text, "--with") for text in self.overrides)}
        grid = {path: values for path, values in map(_grid_values, self.grid)}
        return ScenarioFile.load(self.file, {**sizes, **changes, **({"grid": grid} if grid else {})})


def _grid_values(text: str) -> tuple[str, Any]:  # JSON
    name, _, values = text.partition("=")
    path, found = parsed_change(f"{name}=[{values}]" if values and not values.startswith("[") else text, "--grid")
    return ".".join(path), found


def _print_schema(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(json.dumps(scenario_schema(), indent=2))
        ctx.exit()


@click.command(
    cls=Command,
    short_help="Run the what-if scenarios of a file.",
    epilog=examples(
        "polaris-llm run high_load --dry-run",
        "polaris-llm run my_scenarios.yaml --seeds 20 --out report.html --out runs.csv",
        "polaris-llm run my_scenarios.yaml --settings llm.yaml --manifest runs.jsonl   # resumes where it was interrupted",
        "polaris-llm run high_load --grid plant.boot_s=30,60,90 --out boot.html",
        "polaris-llm run high_load --settings a.yaml --out a.json",
        "polaris-llm run high_load --settings b.yaml --compare a.json",
    ),
)
@taken_together(
    "scenario",
    ScenarioChoice,
    click.argument("file"),
    click.option("--seeds", type=click.IntRange(1), help="Seeds to run each scenario with: 1 to this number."),
    click.option("--periods", type=click.IntRange(1), help="Control periods of each run."),
    click.option(
        "--with",
        "overrides",
        metavar="PATH=VALUE",
        multiple=True,
        help="Any setting of the scenario file, such as plant.boot_s=30. Repeatable.",
    ),
    click.option(
        "--grid",
        metavar="PATH=VALUES",
        multiple=True,
        help="Values to try, such as plant.boot_s=30,60, in place of the file's grid. Repeatable.",
    ),
)
@click.option("--dry-run", is_flag=True, help="Only tell what would run.")
@click.option(
    "--schema", is_flag=True, is_eager=True, expose_value=False, callback=_print_schema, help="Print the JSON schema of scenario files."
)
@click.option(
    "--out", "files", metavar="FILE", multiple=True, help="Write results: .json all, .csv a row per run, .html a report. Repeatable."
)
@click.option("--compare", metavar="RESULTS.json", help="Tell the difference to earlier results, written with --out.")
@click.option("--manifest", metavar="FILE", help="Keeps finished runs: those in it are not run again.")
@click.option("--max-in-flight", type=click.IntRange(1, 10_000), default=64, show_default=True, help="Runs under way at once.")
@settings_options
@engine_option
@connect_option
@runtime_options
@as_json_option
@with_modules_of_this_folder
def run(scenario: ScenarioChoice, choice: SettingsChoice, which: RuntimeChoice, as_json: bool, **given: Any) -> None:  # the options
    """Run the scenarios of FILE: a YAML file, or the name of a family of the package.

    A grid of settings, seeds and repetitions make many runs of one file. In each run agents adapt a simulated web farm, and baselines
    adapt the same farm. Unless you name a model, a scripted reasoner decides. Exit code 4 says that some runs failed.
    """
    file = scenario.load()
    scenarios = file.scenarios()
    if given["dry_run"]:
        _tell_plan(file, scenarios, as_json=as_json)
        return
    _require_writable(given["files"])
    earlier = SimulationResults.load(given["compare"]) if given["compare"] else None
    results = _simulated(scenarios, choice if choice.is_made or given["connect"] else choice.with_changes(REASONER), which, given)
    for target in given["files"]:
        WRITERS[Path(target).suffix](results, target)
        note(f"Written: {target}")
    comparisons = results.compare(earlier) if earlier else ()
    if as_json:
        print_json(results_as_json(results, comparisons))
    else:
        print_results(results)
        if earlier:
            print_comparison(comparisons)
    if results.failures:
        raise click.exceptions.Exit(NO_RESULT)


def _simulated(scenarios: tuple[Scenario, ...], choice: SettingsChoice, which: RuntimeChoice, given: dict[str, Any]) -> SimulationResults:
    console = stderr()
    with asked_runtime(choice, which, given["connect"], given["engine"]) as runtime:
        options = {"max_in_flight": given["max_in_flight"], "manifest": given["manifest"]}
        try:
            console.print(f"{counted(len(scenarios), 'run')}, {counted(sum(one.periods for one in scenarios), 'decision')}")
            return with_progress(
                console, lambda decided, ended: runtime.simulate(scenarios, on_progress=decided, on_result=ended, **options)
            )
        except KeyboardInterrupt:
            if given["manifest"]:
                note(f"Finished runs are kept in {given['manifest']}: the same command goes on from there.")
            raise


def _require_writable(files: tuple[str, ...]) -> None:
    for file in files:
        path = Path(file)
        if path.suffix not in WRITERS:
            raise click.BadParameter(f"{file!r} ends with none of {', '.join(WRITERS)}", param_hint="--out")
        if not path.absolute().parent.is_dir():
            raise LLMConfigurationError(f"--out {file}: there is no folder {path.parent}: make it first", config_key="--out")
        if path.is_dir() or not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
            raise LLMConfigurationError(f"--out {file}: nothing can be written there: name another file", config_key="--out")


def _tell_plan(file: ScenarioFile, scenarios: tuple[Scenario, ...], *, as_json: bool) -> None:
    decisions = sum(one.periods for one in scenarios)
    if as_json:
        plan = [
            dict(zip((str(column.header) for column in COLUMNS), _facts(one), strict=True)) | {"variant": one.variant} for one in scenarios
        ]
        print_json({"name": file.name, "description": file.description, "runs": plan, "decisions": decisions})
        return
    print_table(COLUMNS, [tuple(map(str, _facts(one))) for one in scenarios])
    note(f"{file.name}: {file.description}" if file.description else file.name)
    note(f"{counted(len(scenarios), 'run')} with {counted(decisions, 'decision')} would run.")


def _facts(one: Scenario) -> tuple[str | float, ...]:
    return one.name, one.seed, one.periods, round(max(one.trace), 1), len(one.failures), one.group
