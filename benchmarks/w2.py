"""W2: sessions as in W1, all of them at once, against a model that takes 200 ms for every answer: at best 1.0 s in all.

    python -m benchmarks.w2 [--engine ray|inline] [--sessions 1000] [--repetitions 3] [--hosts 1]

Prints one JSON line: seconds for all sessions, CPU milliseconds per turn and memory over all processes, medians of the repetitions.
"""

import argparse
import asyncio
from collections.abc import Sequence

from polaris_llm.actors.runtime import LLMRuntime

from .measuring import Figures, medians, run_sessions, tell
from .polaris import session_on, settings
from .workload import MODEL_LATENCY_S

WARM_UP = 8


async def _measure(runtime: LLMRuntime, sessions: int, repetitions: int) -> Figures:
    session = session_on(runtime)
    await run_sessions(session, range(WARM_UP), WARM_UP)
    firsts = [number * 1_000_000 for number in range(1, repetitions + 1)]
    return medians([await run_sessions(session, range(first, first + sessions), sessions) for first in firsts])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure one case and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["ray", "inline"], default="ray")
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--hosts", type=int, default=1)
    options = parser.parse_args(arguments)
    with LLMRuntime.start(settings(options.engine, hosts=options.hosts, latency_s=MODEL_LATENCY_S)) as runtime:
        figures = asyncio.run(_measure(runtime, options.sessions, options.repetitions))
    tell("w2", vars(options), figures)


if __name__ == "__main__":
    main()
