"""`polaris-llm demo`: a simulated web farm is adapted, one agentic session per decision."""

import click

from ..actors.runtime import LLMRuntime
from ..core.runs import RunLimits
from ..core.scenarios.families import FAMILIES
from ..core.scenarios.scenario import Scenario
from .commands import Command, as_json_option, examples
from .output import print_json, stderr
from .settings_choice import SettingsChoice, settings_options
from .simulations import REASONER, print_results, results_as_json, with_progress
from .tool_choice import with_modules_of_this_folder

REAL_MODEL_DECISIONS = 10
"""Control periods of a demo against a real model, which is slow and may cost money."""


@click.command(
    cls=Command,
    short_help="Adapt a simulated web farm, by a script or a model.",
    epilog=examples(
        "polaris-llm demo --engine inline --seeds 1 --periods 4   # without Ray",
        "polaris-llm demo --provider local --base-url http://127.0.0.1:8080/v1 --model my-model",
    ),
)
@settings_options
@click.option("--engine", type=click.Choice(["ray", "inline"]), default="ray", show_default=True, help="inline needs no Ray.")
@click.option("--seeds", type=click.IntRange(1, 100), help="Runs of each scenario.  [default: 3; against a real model 1]")
@click.option("--periods", type=click.IntRange(1, 200), help="Control periods of each run.  [default: 12; against a real model 10]")
@as_json_option
@with_modules_of_this_folder
def demo(choice: SettingsChoice, engine: str, as_json: bool, **sizes: int | None) -> None:
    """Adapt a simulated web farm: one agentic session per control period, scenarios side by side.

    Unless you name a model, a scripted reasoner decides: no language model is asked.
    """
    scripted = choice.settings is None and choice.provider in (None, "mock")
    settings = choice.load(*([REASONER] if scripted else []))
    provider = settings.provider()
    real = provider.kind != "mock"
    scenarios = _scenarios(sizes["seeds"] or (1 if real else 3), sizes["periods"] or (REAL_MODEL_DECISIONS if real else 12), real)
    agent = {"protocol": "json", "limits": RunLimits(max_steps=4, deadline_s=300.0)} if provider.kind == "local" else {}
    console = stderr()
    with console.status(f"Starting the actors ({engine})"):
        started = LLMRuntime.start(settings, engine=engine)
    with started as runtime:
        who = f"{provider.kind} model {provider.model}" if real else "mock (a script, no language model)"
        console.print(f"{len(scenarios)} scenarios on engine {engine}, decided by {who}", markup=False)
        results = with_progress(console, lambda decided, ended: runtime.simulate(scenarios, on_progress=decided, on_result=ended, **agent))
    if as_json:
        print_json(results_as_json(results))
    else:
        print_results(results)


def _scenarios(seeds: int, periods: int, real: bool) -> list[Scenario]:
    families = ["high_load"] if real else ["failure_recovery", "high_load"]
    return [FAMILIES[family](seed, periods) for family in families for seed in range(1, seeds + 1)]
