"""What the benchmarks have in common: sessions side by side, what they cost, medians of repetitions, and one JSON line a case."""

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

from .process_tree import PeakMemory, cpu_by_process, cpu_since
from .workload import ANSWER, TURNS

Figures = dict[str, float]
Session = Callable[[int], Awaitable[str]]
"""Runs the session of that number and gives its answer."""


@contextmanager
def measured() -> Generator[Figures]:
    """Wall and on-CPU seconds of what is done meanwhile, and the memory of all processes at its highest, in MB."""
    figures: Figures = {}
    with PeakMemory() as memory:
        cpu, began = cpu_by_process(), time.perf_counter()
        yield figures
        figures["wall_s"] = time.perf_counter() - began
        figures["cpu_s"] = sum(cpu_since(cpu).values())
    figures["memory_mb"] = memory.peak_mb


async def run_sessions(session: Session, numbers: range, concurrency: int) -> Figures:
    """What these sessions cost, so many of them at once; every one must give the right answer."""
    room = asyncio.Semaphore(concurrency)
    latencies: list[float] = []

    async def one(number: int) -> None:
        async with room:
            began = time.perf_counter()
            answer = await session(number)
            latencies.append(time.perf_counter() - began)
            if answer != ANSWER:
                raise ValueError(f"session {number} answered {answer!r}, not {ANSWER!r}")

    with measured() as figures:
        await asyncio.gather(*(one(number) for number in numbers))
    turns = len(numbers) * TURNS
    return {
        "turns_per_s": turns / figures["wall_s"],
        "cpu_ms_per_turn": figures["cpu_s"] * 1e3 / turns,
        "session_p50_ms": statistics.median(latencies) * 1e3,
        "wall_s": figures["wall_s"],
        "memory_mb": figures["memory_mb"],
    }


def medians(repetitions: Sequence[Figures]) -> Figures:
    """Of every figure, its median over the repetitions."""
    return {name: round(statistics.median(each[name] for each in repetitions), 3) for name in repetitions[0]}


def tell(benchmark: str, case: Mapping[str, object], figures: Mapping[str, object]) -> None:
    """Print the line of one case."""
    print(json.dumps({"benchmark": benchmark, **case, **figures}), flush=True)
