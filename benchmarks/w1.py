"""W1: sessions of five model calls with four sequential calculator calls each, against a scripted model without latency.

    python -m benchmarks.w1 [--engine ray|inline] [--sessions 500] [--concurrency 64] [--prompt-kb 0] [--hosts 1] [--profile]

Prints one JSON line a case: turns (model calls) per second, CPU milliseconds per turn and memory over all processes, medians of the
repetitions. With `--concurrency 1` the median session is how long one takes when nothing else is under way.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence

from polaris_llm.actors.runtime import LLMRuntime

from .measuring import Figures, medians, run_sessions, tell
from .polaris import session_on, settings
from .process_tree import cpu_by_process, cpu_since, names
from .workload import TURNS

CASE = ("engine", "sessions", "concurrency", "prompt_kb", "hosts", "workers", "repetitions")


async def _measure(runtime: LLMRuntime, options: argparse.Namespace) -> Figures:
    session = session_on(runtime, options.prompt_kb)
    await run_sessions(session, range(min(64, options.sessions)), options.concurrency)
    repetitions = []
    for number in range(1, options.repetitions + 1):
        before = cpu_by_process()
        first = number * 1_000_000
        repetitions.append(await run_sessions(session, range(first, first + options.sessions), options.concurrency))
        if options.profile:
            _tell_processes(before, options.sessions * TURNS)
    return medians(repetitions)


def _tell_processes(before: dict[int, float], turns: int) -> None:
    busiest = sorted(cpu_since(before).items(), key=lambda item: -item[1])[:12]
    called = names([pid for pid, _ in busiest])
    print(json.dumps({"cpu_ms_per_turn": {f"{called[pid]} ({pid})": round(s * 1e3 / turns, 3) for pid, s in busiest}}))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure one case and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["ray", "inline"], default="ray")
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--prompt-kb", type=float, default=0)
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--profile", action="store_true", help="also print CPU per turn by process")
    options = parser.parse_args(arguments)
    with LLMRuntime.start(settings(options.engine, hosts=options.hosts, workers=options.workers)) as runtime:
        figures = asyncio.run(_measure(runtime, options))
    tell("w1", {name: getattr(options, name) for name in CASE}, figures)


if __name__ == "__main__":
    main()
