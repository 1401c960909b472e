"""How one system takes part: it runs sessions when it is told to on its standard input, and prints what they cost.

A line tells which sessions, and how many at once; the first line is printed when the system is ready, and the end of the input ends it.
"""

import argparse
import asyncio
import json
import sys

from ..measuring import Session, run_sessions

READY = "ready"


def latency_s() -> float:
    """How long the scripted model takes for an answer, as the command line says."""
    return float(_options().latency)


def engine() -> str:
    """Which engine of ours the command line asks for."""
    return str(_options().engine)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--engine", default="ray")
    return parser.parse_args()


async def take_turns(session: Session) -> None:
    """Run what is asked for until the input ends."""
    print(READY, flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        first, count, concurrency = json.loads(line)
        print(json.dumps(await run_sessions(session, range(first, first + count), concurrency)), flush=True)
