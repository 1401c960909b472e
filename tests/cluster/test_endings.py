"""However a runtime ends, nothing of it is left: no process, no temporary folder, no variable of Ray's."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from support.cluster_gates import Gate
from support.cluster_processes import Program, running, without_ray
from support.cluster_runtime import RESULT_S, new_name, settings_of
from support.runtime_model import answer, plan
from support.tools_processes import eventually, is_running

pytestmark = pytest.mark.anyio


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files of one process; its path is short, as Ray's sockets need it."""
    folder = Path(tempfile.mkdtemp(prefix="t"))
    yield folder
    shutil.rmtree(folder)


async def ended_without_a_trace(program: Program, temporary: Path) -> int:
    """The program's exit code; raises TimeoutError, or AssertionError, if something is left of it."""
    code = await program.ended()
    await eventually(lambda: program.descendants() == [])
    assert list(temporary.iterdir()) == []
    return code


async def test_runtime_that_a_past_thread_started_and_nobody_closed_ends_with_its_program(
    python_path: None, temporary: Path, gate: Gate
) -> None:
    settings = settings_of(new_name()).model_dump(mode="json")

    async with running("create_and_forget", without_ray(TMPDIR=str(temporary)), settings=settings, gate=str(gate)) as program:
        await program.answer()
        assert any(temporary.iterdir())
        gate.open()

        assert await program.answer() == {"result": "done"}
        assert await ended_without_a_trace(program, temporary) == 0


async def test_failure_inside_the_with_statement_leaves_nothing(python_path: None, temporary: Path, gate: Gate) -> None:
    settings = settings_of(new_name()).model_dump(mode="json")

    async with running(
        "create", without_ray(TMPDIR=str(temporary)), settings=settings, gate=str(gate), failure="the caller's own"
    ) as program:
        await program.answer()

        assert await program.answer() == {"environment_is_restored": True}
        assert await ended_without_a_trace(program, temporary) == 1


async def test_ctrl_c_leaves_nothing(python_path: None, temporary: Path, gate: Gate) -> None:
    settings = settings_of(new_name()).model_dump(mode="json")

    async with running("create", without_ray(TMPDIR=str(temporary)), settings=settings, gate=str(gate)) as program:
        await program.answer()
        child = await gate.arrived()
        program.interrupt()

        assert await program.answer() == {"environment_is_restored": True}
        assert await ended_without_a_trace(program, temporary) == -signal.SIGINT
        assert not is_running(child)


@pytest.mark.parametrize(("task", "with_descendants"), [("create", False), ("create_in_a_loop", True)])
async def test_sigterm_leaves_nothing(python_path: None, temporary: Path, gate: Gate, task: str, with_descendants: bool) -> None:
    settings = settings_of(new_name()).model_dump(mode="json")

    async with running(task, without_ray(TMPDIR=str(temporary)), settings=settings, gate=str(gate)) as program:
        await program.answer()
        child = await gate.arrived()
        program.terminate(with_descendants=with_descendants)

        assert await program.answer() == {"environment_is_restored": True}
        assert await ended_without_a_trace(program, temporary) == 128 + signal.SIGTERM
        assert not is_running(child)


async def test_actors_end_when_the_process_that_started_them_on_a_shared_cluster_is_killed(runtime: LLMRuntime, gate: Gate) -> None:
    settings = settings_of(new_name(), runtime={"address": runtime.address, "num_cpus": None, "lease_s": 2.0}).model_dump(mode="json")

    async with running("create", settings=settings, gate=str(gate)) as program:
        pids = (await program.answer())["pids"]
        child = await gate.arrived()
        program.kill()

        await eventually(lambda: not any(is_running(pid) for pid in (child, *pids)))

    assert (await (await runtime.asubmit(plan(answer("still here")))).aresult(RESULT_S)).ok
