"""On-CPU seconds and memory of this process and all its descendants, Ray's daemons and workers included."""

import os
import threading
from collections.abc import Iterable
from typing import Self

import psutil


def processes() -> list[psutil.Process]:
    """This process and all its descendants now."""
    me = psutil.Process()
    return [me, *me.children(recursive=True)]


def cpu_by_process() -> dict[int, float]:
    """On-CPU seconds so far, by process id, with the scheduler's own nanoseconds where the kernel tells them."""
    seconds = {}
    for process in processes():
        try:
            seconds[process.pid] = _cpu(process)
        except (psutil.Error, OSError):
            continue
    return seconds


def cpu_since(before: dict[int, float]) -> dict[int, float]:
    """What each living process has used since then."""
    return {pid: seconds - before.get(pid, 0.0) for pid, seconds in cpu_by_process().items()}


def memory_mb(of: Iterable[psutil.Process] | None = None) -> float:
    """Memory of these processes, or of all, now: pages that several share count once, where the kernel tells."""
    total = 0
    for process in processes() if of is None else of:
        try:
            total += _memory(process)
        except (psutil.Error, OSError):
            continue
    return total / 1e6


class PeakMemory:
    """The highest memory of all of them while it is open: looked at every five seconds, and at the end with those that came meanwhile."""

    EVERY_S = 5.0

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._processes = processes()  # once: looking for them takes longer than looking at them
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closed.set()
        self._thread.join()
        self.peak_mb = max(self.peak_mb, memory_mb())

    def _watch(self) -> None:
        while not self._closed.wait(self.EVERY_S):
            self.peak_mb = max(self.peak_mb, memory_mb(self._processes))


def names(pids: list[int]) -> dict[int, str]:
    """What people call the processes."""
    found = {}
    for pid in pids:
        try:
            found[pid] = " ".join(psutil.Process(pid).cmdline()[:1])[-60:]
        except psutil.Error:
            found[pid] = "ended"
    return found


def _cpu(process: psutil.Process) -> float:
    tasks = f"/proc/{process.pid}/task"
    if os.path.exists(f"{tasks}/{process.pid}/schedstat"):
        return sum(_on_cpu_ns(f"{tasks}/{thread}/schedstat") for thread in os.listdir(tasks)) / 1e9
    times = process.cpu_times()
    return times.user + times.system


def _on_cpu_ns(path: str) -> int:
    try:
        with open(path) as file:
            return int(file.read().split()[0])
    except (OSError, IndexError):
        return 0


def _memory(process: psutil.Process) -> int:
    summary = f"/proc/{process.pid}/smaps_rollup"
    if not os.path.exists(summary):
        return process.memory_info().rss
    with open(summary) as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
