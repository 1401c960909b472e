"""SIGKILL of any process of a runtime: sessions carry on, or end with a clear reason; nothing hangs, no finished step is repeated."""

import asyncio
from pathlib import Path

import psutil
import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.exceptions import UnknownSessionError
from polaris_llm.core.tool_registry import tool
from support.cluster_gates import Gate
from support.cluster_runtime import RESULT_S, events_of, kill, own_host_pid, pid_of, pool_tool, replaced, tool_contents
from support.cluster_tools import COMPUTING_S
from support.runtime_model import answer, call, plan, tell_results
from support.tools_processes import gone

pytestmark = pytest.mark.anyio


async def test_idempotent_tool_is_run_again_when_its_worker_dies(runtime: LLMRuntime, gate: Gate) -> None:
    session = await runtime.asubmit(plan(call("wait_at", gate=str(gate)), answer("done")), tools=[pool_tool("wait_at")])
    worker = await gate.arrived()

    await kill(worker)
    gate.open()

    assert (await session.aresult(RESULT_S)).result == "done"
    assert len(gate.arrivals) == 2
    assert await tool_contents(runtime, session.session_id) == [gate.arrivals[1]]
    assert worker not in (gate.arrivals[1], await pid_of(runtime, "tools/0"))


async def test_tool_that_must_not_run_twice_is_not_run_again_when_its_worker_dies(runtime: LLMRuntime, gate: Gate) -> None:
    session = await runtime.asubmit(plan(call("wait_at_once_only", gate=str(gate)), answer("done")), tools=[pool_tool("wait_at_once_only")])

    await kill(await gate.arrived())
    gate.open()

    assert (await session.aresult(RESULT_S)).result == "done"
    assert len(gate.arrivals) == 1
    [content] = await tool_contents(runtime, session.session_id)
    assert content.startswith("outcome unknown")


async def test_child_process_of_a_tool_and_what_that_started_die_with_its_worker(runtime: LLMRuntime, gate: Gate) -> None:
    session = await runtime.asubmit(plan(call("block_in_company", gate=str(gate)), answer("done")), tools=[pool_tool("block_in_company")])
    child = await gate.arrived()
    company = psutil.Process(child).children(recursive=True)

    await kill(await pid_of(runtime, "tools/0"))
    for pid in (child, *(process.pid for process in company)):
        await gone(pid)
    gate.open()

    assert len(company) == 2  # the tool's own process, and the one that watched over both

    assert (await session.aresult(RESULT_S)).result == "done"


async def test_session_is_told_when_the_child_process_of_its_tool_dies(runtime: LLMRuntime, gate: Gate) -> None:
    session = await runtime.asubmit(plan(call("block_at", gate=str(gate)), answer("done")), tools=[pool_tool("block_at")])
    worker = await pid_of(runtime, "tools/0")

    await kill(await gate.arrived())

    assert (await session.aresult(RESULT_S)).result == "done"
    [content] = await tool_contents(runtime, session.session_id)
    assert "signal SIGKILL" in content
    assert await pid_of(runtime, "tools/0") == worker


async def test_tool_that_computes_past_its_deadline_is_killed_within_a_second_and_its_worker_lives(runtime: LLMRuntime, gate: Gate) -> None:
    gate.open()
    started, computing = call("block_at", gate=str(gate)), call("compute_forever", gate=str(gate))
    worker = await pid_of(runtime, "tools/0")
    session = await runtime.asubmit(plan(started, computing, answer("done")), tools=[pool_tool("block_at"), pool_tool("compute_forever")])
    child = await gate.arrived(times=2)

    await gone(child, deadline_s=COMPUTING_S + 1.0)

    assert (await session.aresult(RESULT_S)).result == "done"
    pid, failure = await tool_contents(runtime, session.session_id)
    assert pid == child
    assert f"did not answer within {COMPUTING_S:g} s" in failure
    assert await pid_of(runtime, "tools/0") == worker


async def test_model_is_asked_again_when_the_provider_actor_dies(runtime: LLMRuntime, gate: Gate) -> None:
    session = await runtime.asubmit(plan(answer("done")), system=str(gate))
    provider = await gate.arrived()

    await kill(provider)
    gate.open()

    assert (await session.aresult(RESULT_S)).result == "done"
    assert len(gate.arrivals) == 2
    assert gate.arrivals[1] == await pid_of(runtime, "providers/default") != provider


async def test_sessions_do_without_the_cache_when_it_dies_and_use_its_replacement(runtime: LLMRuntime) -> None:
    objective = plan(answer("kept by the cache"))
    cache = await pid_of(runtime, "cache")

    await kill(cache)
    meanwhile = await (await runtime.asubmit(objective)).aresult(RESULT_S)
    await replaced(runtime, "cache", cache)
    await (await runtime.asubmit(objective, temperature=0.0)).aresult(RESULT_S)
    again = await (await runtime.asubmit(objective, temperature=0.0)).aresult(RESULT_S)

    assert (meanwhile.result, meanwhile.cache_hits) == ("kept by the cache", 0)
    assert (again.result, again.cache_hits) == ("kept by the cache", 1)


async def test_session_goes_on_in_a_new_host_and_repeats_no_finished_step(runtime: LLMRuntime, gate: Gate, tmp_path: Path) -> None:
    lines = str(tmp_path / "lines")
    steps = plan(
        call("write_line", path=lines, line="before"),
        call("wait_at", gate=str(gate)),
        call("write_line", path=lines, line="after"),
        answer("done"),
    )
    session = await runtime.asubmit(steps, tools=[pool_tool("write_line"), pool_tool("wait_at")])
    await gate.arrived()
    host = await pid_of(runtime, "conversations/0")

    await kill(host)
    await gate.arrived(times=2)
    gate.open()

    assert (await session.aresult(RESULT_S)).result == "done"
    assert Path(lines).read_text().splitlines() == ["before", "after"]
    kinds = [event.kind for event in await events_of(runtime, session.session_id)]
    assert kinds == ["run_started", *["model_responded", "tool_completed"] * 3, "model_responded", "run_ended"]
    assert await pid_of(runtime, "conversations/0") != host


async def test_session_whose_host_dies_while_the_model_is_asked_goes_on(runtime: LLMRuntime, gate: Gate) -> None:
    host = await pid_of(runtime, "conversations/0")
    session = await runtime.asubmit(plan(answer("done")), system=str(gate))
    await gate.arrived()

    await kill(host)
    gate.open()

    assert (await session.aresult(RESULT_S)).result == "done"


async def test_live_tool_is_called_again_when_the_desk_dies_that_had_its_call(runtime: LLMRuntime, gate: Gate) -> None:
    @tool(effect="idempotent")
    async def work() -> str:
        """Do the work."""
        await gate.passed()
        return "worked"

    desk = await pid_of(runtime, "callers")
    session = await runtime.asubmit(plan(call("work"), tell_results()), tools=[work])
    await gate.arrived()

    await kill(desk)
    await gate.arrived(times=2)
    gate.open()

    assert (await session.aresult(RESULT_S)).result == '["worked"]'


async def test_supervisor_comes_back_and_replaces_what_dies_after_that(runtime: LLMRuntime, gate: Gate) -> None:
    session = await runtime.asubmit(plan(call("wait_at", gate=str(gate)), answer("done")), tools=[pool_tool("wait_at")])
    worker = await gate.arrived()
    supervisor = await pid_of(runtime, "supervisor")

    await kill(supervisor)
    await replaced(runtime, "supervisor", supervisor)
    await kill(worker)
    await replaced(runtime, "tools/0", worker)
    gate.open()

    assert (await session.aresult(RESULT_S)).result == "done"


async def test_worker_that_dies_while_the_supervisor_is_dead_is_replaced_too(runtime: LLMRuntime) -> None:
    supervisor, worker = await pid_of(runtime, "supervisor"), await pid_of(runtime, "tools/0")

    await kill(supervisor)
    await kill(worker)
    await replaced(runtime, "supervisor", supervisor)

    await replaced(runtime, "tools/0", worker)


async def test_waiting_for_a_session_whose_journal_dies_ends_with_a_clear_error(runtime: LLMRuntime, gate: Gate) -> None:
    session = await runtime.asubmit(plan(call("wait_at", gate=str(gate)), answer("done")), tools=[pool_tool("wait_at")])
    await gate.arrived()
    journal = await pid_of(runtime, "journal")

    waiting = asyncio.create_task(session.aresult(RESULT_S))
    await kill(journal)

    with pytest.raises(UnknownSessionError, match=session.session_id):
        await waiting
    gate.open()

    after = await runtime.asubmit(plan(answer("a new session")))
    assert (await after.aresult(RESULT_S)).result == "a new session"


async def test_session_of_its_own_process_outlives_that_process_which_ends_with_the_run(runtime: LLMRuntime, gate: Gate) -> None:
    session = await runtime.asubmit(
        plan(call("wait_at", gate=str(gate)), answer("done")), tools=[pool_tool("wait_at")], isolation="process"
    )
    await gate.arrived()
    own, shared = await own_host_pid(runtime, session.session_id), await pid_of(runtime, "conversations/0")

    await kill(own)
    await gate.arrived(times=2)
    successor = await own_host_pid(runtime, session.session_id)
    gate.open()

    assert (await session.aresult(RESULT_S)).result == "done"
    assert len({own, shared, successor}) == 3
    await gone(successor, deadline_s=30.0)
