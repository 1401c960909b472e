"""Every benchmark, one JSON line a case: `python -m benchmarks`. Each case is a process of its own: its memory is nobody else's."""

import subprocess
import sys

for engine in ("inline", "ray"):
    for case in (
        ["w1"],
        ["w1", "--prompt-kb", "14"],
        ["w1", "--concurrency", "1", "--sessions", "50"],
        ["w2"],
        ["w2", "--sessions", "5000", "--repetitions", "1"],
        ["w4"],
        ["w6"],
    ):
        subprocess.run([sys.executable, "-m", f"benchmarks.{case[0]}", "--engine", engine, *case[1:]], check=True)
subprocess.run([sys.executable, "-m", "benchmarks.w3"], check=True)
