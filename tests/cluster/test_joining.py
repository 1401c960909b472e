"""A process that joins a cluster is answered in time, or told why not: also where the head hangs, or has died."""

import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from support.cluster_gates import Gate
from support.cluster_processes import Program, running, without_ray
from support.cluster_runtime import new_name, settings_of
from support.tools_processes import gone

pytestmark = pytest.mark.anyio


@pytest.fixture
def temporary() -> Iterator[str]:
    """A folder for what Ray leaves when its head is killed; its path is short, as Ray's sockets need it."""
    with tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as folder:
        yield folder


async def refusal(runtime: dict[str, Any]) -> str:  # JSON: the options of `connect`
    """What a process is told that tries to join; raises TimeoutError after less than Ray itself would take."""
    async with running("connect", without_ray(RAY_AUTH_MODE="disabled"), runtime=runtime) as program:
        error: str = (await program.answer())["error"]
        assert await program.ended() == 0
    return error


async def test_joining_a_head_that_hangs_or_died_fails_in_time_and_says_what_to_do(python_path: None, temporary: str, gate: Gate) -> None:
    settings = settings_of(new_name()).model_dump(mode="json")

    async with running("create", without_ray(TMPDIR=temporary, RAY_AUTH_MODE="disabled"), settings=settings, gate=str(gate)) as creator:
        runtime = {"address": (await creator.answer())["address"], "connect_timeout_s": 3}
        head = head_of(creator)
        head.suspend()
        hanging = await refusal(runtime)
        head.kill()
        await gone(head.pid, 10.0)
        dead = await refusal(runtime)

    remedy = "start one there, or leave runtime.address out"
    assert f"its head at {runtime['address']} does not answer within 3 s): {remedy}" in hanging
    assert f"its head at {runtime['address']} takes no connection: [Errno 111] Connection refused): {remedy}" in dead


def head_of(program: Program) -> Any:  # a psutil.Process
    """The process of Ray's head that a program started."""
    (head,) = [process for process in program.descendants() if process.name() == "gcs_server"]
    return head
