"""W6: what-if scenarios of the built-in families, side by side, every decision a session with tools, decided by the scripted reasoner.

    python -m benchmarks.w6 [--engine ray|inline] [--runs 24] [--periods 12] [--repetitions 2]

Prints one JSON line: scenario runs and decisions per second, CPU milliseconds per decision and memory over all processes, medians of
the repetitions.
"""

import argparse
from collections.abc import Sequence

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.scenarios.families import FAMILIES
from polaris_llm.core.scenarios.scenario import Scenario

from .measuring import Figures, measured, medians, tell

REASONER = "polaris_llm.core.scenarios.reasoner:reason"


def _scenarios(seeds: range, periods: int) -> list[Scenario]:
    """One of every seed, the families in turns."""
    families = sorted(FAMILIES)
    return [FAMILIES[families[seed % len(families)]](seed, periods) for seed in seeds]


def _repetition(runtime: LLMRuntime, scenarios: Sequence[Scenario]) -> Figures:
    with measured() as figures:
        results = runtime.simulate(scenarios)
    if results.failures:
        raise ValueError(f"{len(results.failures)} of {len(scenarios)} runs failed, the first with {results.failures[0].error}")
    decisions = sum(scenario.periods for scenario in scenarios)
    return {
        "runs_per_s": len(scenarios) / figures["wall_s"],
        "decisions_per_s": decisions / figures["wall_s"],
        "cpu_ms_per_decision": figures["cpu_s"] * 1e3 / decisions,
        "memory_mb": figures["memory_mb"],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure one engine and print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["ray", "inline"], default="ray")
    parser.add_argument("--runs", type=int, default=24)
    parser.add_argument("--periods", type=int, default=12)
    parser.add_argument("--repetitions", type=int, default=2)
    options = parser.parse_args(arguments)
    firsts = [1 + number * options.runs for number in range(options.repetitions)]  # seeds of their own: the cache is on, and must not help
    settings = {"llm": {"kind": "mock", "script": REASONER}, "runtime": {"engine": options.engine}}
    with LLMRuntime.start(settings) as runtime:
        runtime.simulate(_scenarios(range(100_000, 100_002), options.periods))
        repetitions = [_repetition(runtime, _scenarios(range(first, first + options.runs), options.periods)) for first in firsts]
    tell("w6", vars(options), medians(repetitions))


if __name__ == "__main__":
    main()
