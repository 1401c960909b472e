"""W3: one HTTP client against a canned model server: calls of 2 KB that bring 1 KB, 64 at once, and streams of 200 events, 16 at once.

    python -m benchmarks.w3 [--rounds 3] [--calls 3000] [--streams 150] [--wires openai_chat,...]

Every client builds its own values: ours typed parts and events, `bare` (httpx over aiohttp) parsed JSON, `sdk` (OpenAI's) its models;
`thin` builds ours over aiohttp alone, which tells what the layer of httpx costs.
Server and clients are processes of their own, on cores of their own; clients take turns in every round, and ratios are made within a
round. Prints one JSON line a wire and case, medians over the rounds: calls or events per second, on-CPU microseconds of the client
for each, its memory at the end, and how ours compares. A wire that OpenAI's SDK does not speak is compared with what that makes of
chat completions.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .w3_client import PROVIDER_OF

CLIENTS = ("bare", "ours", "thin", "sdk")
SDK_WIRES = ("openai_chat", "openai_responses")
CONCURRENCY = {"calls": 64, "events": 16}

Figures = dict[str, dict[str, float]]
"""Of one wire and case in one round, by client."""


@contextmanager
def _server() -> Iterator[str]:
    server = subprocess.Popen([sys.executable, "-m", "benchmarks.w3_server"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait(10)


def _run(client: str, wire: str, port: str, case: str, count: int) -> dict[str, float]:
    arguments = [client, wire, port, str(count), str(CONCURRENCY[case]), *(["stream"] if case == "events" else [])]
    ended = subprocess.run([sys.executable, "-m", "benchmarks.w3_client", *arguments], stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(ended.stdout)
    return figures


def _round(port: str, wires: Sequence[str], case: str, count: int) -> dict[str, Figures]:
    found = {
        wire: {client: _run(client, wire, port, case, count) for client in CLIENTS if client != "sdk" or wire in SDK_WIRES}
        for wire in wires
    }
    for wire in wires:
        found[wire].setdefault("sdk", found["openai_chat"]["sdk"])
    return found


def _summary(rounds: Sequence[Figures]) -> dict[str, float]:
    line = {}
    for client in CLIENTS:
        line[f"{client}_per_s"] = round(statistics.median(figures[client]["per_s"] for figures in rounds))
        line[f"{client}_mb"] = round(statistics.median(figures[client]["memory_mb"] for figures in rounds), 1)
        line[f"{client}_cpu_us"] = round(statistics.median(figures[client]["cpu_us"] for figures in rounds), 1)
    for other in ("bare", "thin", "sdk"):
        line[f"of_{other}"] = round(statistics.median(each["ours"]["per_s"] / each[other]["per_s"] for each in rounds), 2)
        line[f"of_{other}_by_cpu"] = round(statistics.median(each[other]["cpu_us"] / each["ours"]["cpu_us"] for each in rounds), 2)
    return line


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all wires and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--streams", type=int, default=150)
    parser.add_argument("--wires", default=",".join(PROVIDER_OF), help="the first must be openai_chat")
    options = parser.parse_args(arguments)
    wires = options.wires.split(",")
    counts = {"calls": options.calls, "events": options.streams}
    with _server() as port:
        rounds = [{case: _round(port, wires, case, count) for case, count in counts.items()} for _ in range(options.rounds)]
    for case in counts:
        for wire in wires:
            line = _summary([each[case][wire] for each in rounds])
            print(json.dumps({"benchmark": "w3", "case": case, "wire": wire, "rounds": options.rounds, **line}), flush=True)


if __name__ == "__main__":
    main()
