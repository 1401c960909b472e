"""A tool pool that grows and shrinks on Ray: what dies is replaced, and who is let go first ends what it has in hand."""

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from polaris_llm.actors.runtime import LLMRuntime
from support.cluster_gates import Gate
from support.cluster_runtime import RESULT_S, kill, new_name, pid_of, pool_tool, replaced, settings_of, tool_contents
from support.runtime_model import answer, call, plan
from support.tools_processes import gone

pytestmark = pytest.mark.anyio

POOL = {"workers": 1, "max_workers": 3, "calls_per_worker": 1, "grow_after_s": 0.0, "shrink_after_s": 0.5}


async def workers_of(runtime: LLMRuntime) -> set[str]:
    """The tool workers that are there."""
    return {name.partition("/")[2] for name in (await runtime.ahealth())["actors"] if "/tools/" in name}


async def until_there_are(runtime: LLMRuntime, *workers: str) -> None:
    """Return when these are the tool workers."""
    with anyio.fail_after(RESULT_S):
        while await workers_of(runtime) != set(workers):
            await anyio.sleep(0.1)


@pytest.fixture
def gates(tmp_path: Path) -> Iterator[list[Gate]]:
    """Gates that are shut; they are opened after the test."""
    gates = []
    for number in range(4):
        (tmp_path / str(number)).mkdir()
        gates.append(Gate(tmp_path / str(number)))
    yield gates
    for gate in gates:
        gate.open()


async def test_worker_of_a_grown_pool_is_replaced_when_it_dies_and_no_call_is_lost_when_the_pool_shrinks(
    runtime: LLMRuntime, gates: list[Gate]
) -> None:
    first, *others = gates

    async with await LLMRuntime.astart(settings_of(new_name(), tool_registry=POOL)) as growing:
        burst = await growing.asubmit_many([calling("wait_at", first)] * 3, tools=[pool_tool("wait_at")])
        await first.arrived(times=3)
        await until_there_are(growing, "tools/0", "tools/1", "tools/2")
        dead = await pid_of(growing, "tools/2")
        await kill(dead)
        await replaced(growing, "tools/2", dead)
        await first.arrived(times=4)
        first.open()
        assert [(await session.aresult(RESULT_S)).result for session in burst] == ["done"] * 3

        once = "wait_at_once_only"
        sessions = [await growing.asubmit(calling(once, gate), tools=[pool_tool(once)]) for gate in others]
        workers = [await gate.arrived() for gate in others]
        steady = await pid_of(growing, "tools/0")
        last = next(place for place, worker in enumerate(workers) if worker != steady)
        for place, gate in enumerate(others):
            if place != last:
                gate.open()
        await until_there_are(growing, "tools/0")
        keeper = await pid_of(growing, "pools")
        await kill(keeper)
        await replaced(growing, "pools", keeper)
        others[last].open()

        assert [await tool_contents(growing, session.session_id) for session in sessions] == [[worker] for worker in workers]
        await gone(workers[last], RESULT_S)
        assert await pid_of(growing, "tools/0") == steady


def calling(tool: str, gate: Gate) -> str:
    """The objective of a session that calls a tool at a gate."""
    return plan(call(tool, gate=str(gate)), answer("done"))
