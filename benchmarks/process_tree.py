"""On-CPU seconds of this process and all its descendants, Ray's daemons and workers included."""

import os

import psutil


def cpu_by_process() -> dict[int, float]:
    """On-CPU seconds so far, by process id, with the scheduler's own nanoseconds where the kernel tells them."""
    me = psutil.Process()
    seconds = {}
    for process in (me, *me.children(recursive=True)):
        try:
            seconds[process.pid] = _cpu(process)
        except (psutil.Error, OSError):
            continue
    return seconds


def cpu_since(before: dict[int, float]) -> dict[int, float]:
    """What each living process has used since then."""
    return {pid: seconds - before.get(pid, 0.0) for pid, seconds in cpu_by_process().items()}


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
