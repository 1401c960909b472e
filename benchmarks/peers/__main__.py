"""W1, and W2 with 1,000 sessions, of polaris-llm on Ray beside its peers, one after the other in every round: `make bench-peers`.

    python -m benchmarks.peers [--rounds 3] [--systems ours,autogen_grpc,...] [--python .venv-peers/bin/python]

Prints one JSON line a system and workload, medians of the rounds, and a table. A ratio is of ours to the other in the same round, and
its median over the rounds.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Column, Table

from ..measuring import Figures, medians, tell
from ..workload import MODEL_LATENCY_S
from .turns import READY

ROOT = Path(__file__).parents[2]
PEERS = ("autogen_grpc", "langgraph_agent", "openai_sdk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How many sessions, how many of them at once, and how slow their model is."""

    name: str
    sessions: int
    concurrency: int
    warm_up: int
    latency_s: float = 0.0


@dataclass(frozen=True, slots=True)
class System:
    """A process that runs sessions when it is told to."""

    process: subprocess.Popen[str]

    def run(self, first: int, sessions: int, concurrency: int) -> Figures:
        """What so many sessions cost."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([first, sessions, concurrency]) + "\n")
        self.process.stdin.flush()
        figures: Figures = json.loads(self.read())
        return figures

    def read(self) -> str:
        """Its next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise ChildProcessError(f"{self.process.args!r} ended: see what it printed above")
        return line.strip()


@contextmanager
def _started(name: str, workload: Workload, options: argparse.Namespace) -> Generator[System]:
    interpreter = sys.executable if name == "ours" else options.python
    command = [interpreter, "-m", f"{__package__}.{name}", "--latency", str(workload.latency_s), "--engine", options.engine]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        system = System(process)
        if (line := system.read()) != READY:
            raise ChildProcessError(f"{name} printed {line!r} before it was ready")
        yield system
        process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        process.wait(60)
    finally:
        process.terminate()
        process.wait(60)


def _rounds(workload: Workload, systems: Sequence[str], options: argparse.Namespace) -> list[dict[str, Figures]]:
    with ExitStack() as stack:
        started = {name: stack.enter_context(_started(name, workload, options)) for name in systems}
        for system in started.values():
            system.run(0, workload.warm_up, workload.concurrency)
        firsts = [number * 1_000_000 for number in range(1, options.rounds + 1)]
        return [{name: each.run(first, workload.sessions, workload.concurrency) for name, each in started.items()} for first in firsts]


def _ratio(rounds: Sequence[dict[str, Figures]], name: str, figure: str) -> float:
    """How many times better ours is: all these figures are better when they are smaller."""
    return statistics.median(each[name][figure] / each["ours"][figure] for each in rounds)


def _table(workload: Workload, rounds: Sequence[dict[str, Figures]]) -> Table:
    title = f"{workload.name}: {workload.sessions} sessions, {workload.concurrency} at once, {len(rounds)} rounds"
    figures_of = ("turns/s", "CPU ms/turn", "session ms", "MB", "ours: wall", "ours: CPU")
    table = Table(Column("system", no_wrap=True), *figures_of, title=title, box=SIMPLE)
    for name in rounds[0]:
        figures = medians([each[name] for each in rounds])
        row = [f"{figures['turns_per_s']:.0f}", f"{figures['cpu_ms_per_turn']:.2f}", f"{figures['session_p50_ms']:.0f}"]
        ratios = [f"{_ratio(rounds, name, figure):.2f}x" for figure in ("wall_s", "cpu_ms_per_turn")]
        table.add_row(name, *row, f"{figures['memory_mb']:.0f}", *ratios)
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all systems and print the lines and tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--systems", default=",".join(PEERS), help="those that ours is compared with")
    parser.add_argument("--python", default=str(ROOT / ".venv-peers/bin/python"), help="of the environment that has them")
    parser.add_argument("--engine", choices=["ray", "inline"], default="ray", help="of ours")
    parser.add_argument("--w1-sessions", type=int, default=500)
    parser.add_argument("--w2-sessions", type=int, default=1000)
    options = parser.parse_args(arguments)
    systems = ["ours", *(name for name in options.systems.split(",") if name)]
    count = options.w2_sessions
    for workload in (
        Workload(name="w1", sessions=options.w1_sessions, concurrency=64, warm_up=64),
        Workload(name="w2", sessions=count, concurrency=count, warm_up=8, latency_s=MODEL_LATENCY_S),
    ):
        rounds = _rounds(workload, systems, options)
        for name in systems:
            tell(f"peers {workload.name}", {"system": name, "rounds": options.rounds}, medians([each[name] for each in rounds]))
        Console().print(_table(workload, rounds))


if __name__ == "__main__":
    main()
