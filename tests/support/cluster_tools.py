"""Pool tools of the tests on a cluster, `support.cluster_tools:NAME`; async ones run in the worker, plain ones in a child of it."""

import os
import subprocess
import sys
from pathlib import Path

from polaris_llm.core.tool_registry import tool

from .cluster_gates import Gate

COMPUTING_S = 2.0
"""Seconds that `compute_forever` may take."""


@tool(effect="idempotent")
async def write_line(path: str, line: str) -> int:
    """Add a line to a file; say how many it has."""
    with Path(path).open("a") as file:
        file.write(f"{line}\n")
    return len(Path(path).read_text().splitlines())


@tool(effect="idempotent")
async def wait_at(gate: str) -> int:
    """Wait until the gate is open; tell the process that waited."""
    await Gate(gate).passed()
    return os.getpid()


@tool(effect="once")
async def wait_at_once_only(gate: str) -> int:
    """As `wait_at`, but never twice for one call."""
    await Gate(gate).passed()
    return os.getpid()


@tool(effect="idempotent")
def block_at(gate: str) -> int:
    """Block until the gate is open; tell the process that blocked."""
    Gate(gate).block()
    return os.getpid()


@tool(effect="idempotent")
def block_in_company(gate: str) -> int:
    """As `block_at`, beside a process of its own that does not end."""
    subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
    Gate(gate).block()
    return os.getpid()


@tool(effect="pure", timeout_s=COMPUTING_S)
def compute_forever(gate: str) -> None:
    """Sign at the gate and use the processor for longer than this tool may."""
    Gate(gate).sign()
    while True:
        pass


@tool(effect="pure")
async def long_text(characters: int) -> str:
    """Write a text of that length."""
    return "x" * characters


@tool(effect="pure")
async def own_process() -> dict[str, int]:
    """Tell the process, and who started it."""
    return {"pid": os.getpid(), "parent": os.getppid()}


@tool(effect="pure", labels={"room": "core"})
async def on_core() -> int:
    """Tell the process, which is on a node for sessions."""
    return os.getpid()


@tool(effect="pure", resources={"licence": 1})
async def under_licence() -> int:
    """Tell the process, which is on a node that has a licence."""
    return os.getpid()


@tool(effect="pure", num_cpus=0.5, resources={"crane": 1})
async def at_the_crane() -> int:
    """Tell the process, for which no node has what it needs."""
    return os.getpid()
