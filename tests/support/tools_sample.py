"""Tools that tests name by import path: `support.tools_sample:NAME`."""

import asyncio
import enum
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from polaris_llm.core.tool_registry import BaseTool, ToolCallContext, ToolSchema, tool


class Unit(enum.Enum):
    """Of temperatures."""

    CELSIUS = "celsius"
    KELVIN = "kelvin"


class Server(BaseModel):
    """One server of the farm."""

    name: str
    cores: int = 1
    standby: "Server | None" = None


@tool(effect="pure", timeout_s=5.0)
def describe_server(server: Server, unit: Unit = Unit.CELSIUS, tags: list[str] | None = None, level: Literal["low", "high"] = "low") -> str:
    """Describe a server
    in one line.

    More than the model needs to know.

    Args:
        server: The server to
            describe.
        unit (Unit): Of its temperature.
        tags: Words to add.

    Returns:
        unit: not a parameter.
    """
    return f"{server.name}/{server.cores}/{unit.name}/{level}/{','.join(tags or [])}"


@tool
def add(a: int, b: int = 2) -> int:
    """Add two integers."""
    return a + b


@tool
async def who_asks(question: str, call: ToolCallContext) -> dict[str, Any]:
    """Tell whose work this is."""
    return {"question": question, "run": call.run_id, "key": call.idempotency_key, "context": dict(call.context)}


@tool
def who_asks_plainly(call: ToolCallContext) -> dict[str, Any]:
    """Tell whose work this is, and in which process."""
    return {"run": call.run_id, "step": call.step, "context": dict(call.context), "pid": os.getpid()}


def plain(text: str) -> str:
    """Give the text back."""
    return text


class NoteTool(BaseTool):
    """Has neither a constructor nor a name."""

    def get_schema(self) -> ToolSchema:
        return ToolSchema("note", "Takes a note", {"text": {"type": "string"}}, ["text"])

    def execute(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return {"noted": parameters["text"], "pid": os.getpid()}


class SignedTool(NoteTool):
    """Cannot be built without arguments."""

    def __init__(self, author: str) -> None:
        super().__init__()
        self.author = author


note = NoteTool()
not_a_tool = 7


@tool
def process_id() -> int:
    """Tell the process."""
    return os.getpid()


@tool(timeout_s=0.3)
def block_briefly() -> None:
    """Block for longer than this tool may."""
    time.sleep(60)


@tool
def block(pid_file: str) -> None:
    """Write down the process and block."""
    _write(pid_file, os.getpid())
    time.sleep(60)


@tool
def hold_the_interpreter(pid_file: str) -> bool:
    """Write down the process and never let another Python thread run."""
    _write(pid_file, os.getpid())
    return re.match(r"(a|a)*$", "a" * 64 + "b") is None


@tool
def block_with_a_grandchild(pid_file: str) -> None:
    """Start a process of its own, write down that process, and block."""
    grandchild = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    _write(pid_file, grandchild.pid)
    time.sleep(60)


@tool
def die_with_a_grandchild(pid_file: str) -> None:
    """Start a process of its own, write down that process, and die."""
    grandchild = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    _write(pid_file, grandchild.pid)
    os._exit(3)


@tool
def meet(folder: str, parties: int) -> int:
    """Return as soon as `parties` processes are here at the same time."""
    Path(folder, str(os.getpid())).touch()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        here = len(list(Path(folder).iterdir()))
        if here >= parties:
            return here
        time.sleep(0.01)
    raise TimeoutError(f"nobody came to {folder}")


@tool
def leave(code: int) -> None:
    """End the process at once."""
    os._exit(code)


@tool
def crash() -> None:
    """End the process by a segmentation fault."""
    os.kill(os.getpid(), signal.SIGSEGV)


@tool
def quit_politely() -> None:
    """Call sys.exit."""
    sys.exit("enough")


@tool
async def quit_politely_async() -> None:
    """Call sys.exit on the event loop."""
    sys.exit("enough")


@tool
def chatter(lines: int) -> str:
    """Write to every standard stream, by every way there is, and read from the one."""
    for _ in range(lines):
        sys.stdout.write("chatter\n")
    os.write(1, b"from the descriptor\n")
    subprocess.run([sys.executable, "-S", "-c", "print('from a grandchild')"], check=True)
    return sys.stdin.read()


@tool
def python_path() -> str | None:
    """Tell what processes started by a tool would import from."""
    return os.environ.get("PYTHONPATH")


@tool
def repeat(text: str, times: int) -> str:
    """Repeat a text."""
    return text * times


@tool
def fail(message: str) -> None:
    """Raise ValueError."""
    raise ValueError(message)


@tool
def stop_iterating() -> Any:
    """Raise StopIteration."""
    return next(iter(()))


@tool
def unspeakable() -> Any:
    """Return what JSON does not have."""
    return {"servers": [{"name": "a"}, {"name": object()}]}


@tool(timeout_s=0.05)
async def wait_forever() -> None:
    """Wait for what never comes."""
    await asyncio.get_running_loop().create_future()


def _write(path: str, pid: int) -> None:
    partial = Path(f"{path}.partial")
    partial.write_text(str(pid))
    partial.rename(path)  # whoever waits for the file never reads half a number
