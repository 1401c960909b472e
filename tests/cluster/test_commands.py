"""`polaris-llm` and a runtime on a real Ray: one command starts it, others find it by its name, and one ends it for all."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from support.cluster_processes import started, without_ray
from support.cluster_runtime import new_name
from support.command_line import MODEL, run_process, user
from support.runtime_model import answer, call, plan
from support.tools_processes import eventually, is_running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]  # each command is a process that joins Ray

SMALL = ("--set", MODEL, "--set", "tool_registry.workers=1", "--set", "caching.enabled=false", "--set", "runtime.num_cpus=2")
RESULT = "the end"
STREAMS = (("ask", "--connect"), ("sessions", "watch"))
"""Commands that tell lines of JSON."""
OBJECTIVE = plan(call("add", a=2, b=3), answer(RESULT))
ADD = ("--tool", "support.runtime_tools:add")


@pytest.fixture
def home() -> Iterator[Path]:
    """The home of a user of our own; its path is short, as Ray's sockets need it."""
    folder = Path(tempfile.mkdtemp(prefix="h"))
    (folder / "tmp").mkdir()
    yield folder
    shutil.rmtree(folder)


def told(*arguments: str, environment: dict[str, str], code: int = 0) -> Any:  # JSON
    """What a command tells as JSON; it must end with this exit code."""
    outcome = run_process(*arguments, "--json", environment=environment, timeout_s=110)
    assert outcome.returncode == code, outcome.stderr
    return [json.loads(line) for line in outcome.stdout.splitlines()] if arguments[:2] in STREAMS else json.loads(outcome.stdout or "null")


async def test_a_runtime_in_the_background_is_found_by_its_name_used_looked_at_and_ended(home: Path) -> None:
    environment = user(home, dict(os.environ)) | {"TMPDIR": str(home / "tmp")}

    served = told("start", "--background", *SMALL, environment=environment)
    try:
        status = told("status", environment=environment)
        events = told("ask", "--connect", OBJECTIVE, *ADD, environment=environment)
        (listed,) = told("sessions", "list", environment=environment)
        watched = told("sessions", "watch", listed["session_id"], environment=environment)
        shown = run_process("sessions", "show", listed["session_id"], environment=environment)
    finally:
        ended = told("stop", environment=environment)

    assert (status["pid"], status["address"], len(status["actors"])) == (served["pid"], served["address"], 7)
    assert (events[-1]["result"], events[0]["session_id"]) == (RESULT, listed["session_id"])
    assert (listed["status"], listed["steps"], listed["objective"]) == ("completed", 2, OBJECTIVE)
    assert watched == events
    assert (shown.returncode, "\tthe model calls add(a=2, b=3) (" in shown.stdout, shown.stdout.endswith(f"\n{RESULT}\n")) == (
        0,
        True,
        True,
    )
    assert (ended["stopped"], list((home / "tmp").iterdir())) == (True, [])
    await eventually(lambda: not is_running(served["pid"]))
    assert (home / ".ray" / "auth_token").stat().st_mode & 0o777 == 0o600


async def test_ctrl_c_ends_what_is_served_and_nothing_is_left(home: Path) -> None:
    environment = without_ray(**user(home, dict(os.environ)), TMPDIR=str(home / "tmp"))

    async with started("-m", "polaris_llm", "start", *SMALL, "--json", environment=environment) as program:
        served = await program.answer()
        assert served["pid"] == program.process.pid
        program.interrupt()

        assert await program.ended() == 0
        await eventually(lambda: program.descendants() == [])
    assert list((home / "tmp").iterdir()) == []


async def test_a_cluster_keeps_a_runtime_until_it_is_stopped(runtime: LLMRuntime) -> None:
    assert runtime.address is not None
    name, environment = new_name(), dict(os.environ)
    place = ("--name", name, "--address", runtime.address)

    first = told("start", *place, *SMALL, environment=environment)
    assert told("start", *place, *SMALL, environment=environment) == {**first, "is_new": False}
    watched = run_process("sessions", "watch", "nobody", *place, environment=environment)
    status = run_process("status", *place, environment=environment)
    assert told("stop", *place, environment=environment) == {"name": name, "stopped": True}
    told("status", *place, environment=environment, code=3)

    assert (first["name"], first["is_new"]) == (name, True)
    assert [line.split("\t")[0] for line in status.stdout.splitlines()][:2] == [f"{name}/supervisor", f"{name}/journal"]
    assert "kept by its cluster" in status.stderr
    assert (watched.returncode, "no session 'nobody'" in watched.stderr) == (1, True)
