"""Every benchmark runs and prints what it promises, with tiny sizes and without Ray. How fast it was is nobody's claim here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIMIT_S = 180
INLINE = ("--engine", "inline")


def lines_of(benchmark: str, *options: str, **variables: str) -> list[dict[str, object]]:
    """The JSON lines that a benchmark prints."""
    command = [sys.executable, "-m", f"benchmarks.{benchmark}", *options]
    environment = {**os.environ, **variables}
    outcome = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    return [json.loads(line) for line in outcome.stdout.splitlines() if line.startswith("{")]


@pytest.mark.parametrize(
    ("benchmark", "options", "figures"),
    [
        ("w1", ("--sessions", "3", "--repetitions", "1"), {"turns_per_s", "cpu_ms_per_turn", "session_p50_ms", "memory_mb"}),
        ("w2", ("--sessions", "3", "--repetitions", "1"), {"wall_s", "cpu_ms_per_turn", "memory_mb"}),
        ("w6", ("--runs", "2", "--periods", "2", "--repetitions", "1"), {"runs_per_s", "cpu_ms_per_decision", "memory_mb"}),
    ],
)
def test_a_benchmark_prints_one_line_with_its_figures(benchmark: str, options: tuple[str, ...], figures: set[str]) -> None:
    (line,) = lines_of(benchmark, *INLINE, *options)

    assert line["benchmark"] == benchmark
    assert figures <= line.keys()


def test_cache_hits_are_measured_and_the_line_says_why_no_redis_stands_beside_them() -> None:
    (line,) = lines_of("w4", *INLINE, "--gets", "100", "--rounds", "1", PATH="")  # alike on every machine

    assert {"ours", "memory_mb"} <= line.keys()
    assert "of_redis" not in line
    assert "redis-server is not installed" in str(line["redis"])


def test_http_clients_are_compared_over_one_wire() -> None:
    lines = lines_of("w3", "--rounds", "1", "--calls", "20", "--streams", "2", "--wires", "openai_chat")

    assert [line["case"] for line in lines] == ["calls", "events"]
    assert all(
        line.keys() >= {"ours_per_s", "ours_cpu_us", "ours_mb", "thin_mb", "bare_mb", "sdk_mb", "of_bare", "of_thin", "of_sdk"}
        for line in lines
    )


def test_both_workloads_are_run_in_turns_with_peers_and_told_apart() -> None:
    lines = lines_of("peers", *INLINE, "--systems", "", "--rounds", "1", "--w1-sessions", "2", "--w2-sessions", "2")

    assert [(line["benchmark"], line["system"]) for line in lines] == [("peers w1", "ours"), ("peers w2", "ours")]
