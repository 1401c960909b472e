"""Other processes join the runtime by address and name, leave it, and come back; it belongs to none of them."""

from typing import Any

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.exceptions import LLMConfigurationError
from support.cluster_gates import Gate
from support.cluster_processes import running
from support.cluster_runtime import RESULT_S, events_of, pid_of, settings_of
from support.runtime_model import answer, call, plan

pytestmark = pytest.mark.anyio


def place_of(runtime: LLMRuntime) -> dict[str, str | None]:
    """What another process needs to join."""
    return {"name": runtime.settings.runtime.name, "address": runtime.address}


def reaching(runtime: LLMRuntime, settings: dict[str, Any]) -> dict[str, Any]:  # JSON
    """Settings with which another process looks for the runtime where it is."""
    return {**settings, "runtime": {**settings["runtime"], "address": runtime.address}}


async def test_process_submits_two_hundred_sessions_and_leaves_and_another_reads_all_of_them_by_their_numbers(runtime: LLMRuntime) -> None:
    async with running("submit", runtime=place_of(runtime), sessions=200) as program:
        sessions = (await program.answer())["sessions"]
        assert await program.ended() == 0

    async with running("read", runtime=place_of(runtime), sessions=sessions, after=3) as program:
        results, events = await program.answer(), await program.answer()
        assert await program.ended() == 0

    assert results == {"results": [f"done {number}" for number in range(200)]}
    assert events == {"events": [["model_responded", "run_ended"]] * 200}


async def test_runtime_lives_on_when_a_process_that_joined_it_is_killed(runtime: LLMRuntime, gate: Gate) -> None:
    host = await pid_of(runtime, "conversations/0")
    async with running("serve", runtime=place_of(runtime), gate=str(gate), signature="first") as program:
        await program.answer()

    session = await runtime.asubmit(plan(call("own_process"), answer("done")), tools=["own_process"])

    assert (await session.aresult(RESULT_S)).result == "done"
    assert await pid_of(runtime, "conversations/0") == host


async def test_run_waits_for_the_caller_that_died_and_goes_on_with_the_process_that_attaches(runtime: LLMRuntime, gate: Gate) -> None:
    async with running("serve", runtime=place_of(runtime), gate=str(gate), signature="first") as program:
        session_id = (await program.answer())["session"]
        assert await gate.arrived() == program.process.pid
        program.kill()

        async for event in runtime.session(session_id).astream(timeout=RESULT_S):
            if event.kind == "paused":
                break
        async with running("attach", runtime=place_of(runtime), session=session_id, gate=str(gate), signature="second") as other:
            assert await gate.arrived(times=2) == other.process.pid
            gate.open()
            assert await other.answer() == {"result": '["second"]'}

    kinds = [event.kind for event in await events_of(runtime, session_id)]
    assert kinds == ["run_started", "model_responded", "paused", "resumed", "tool_completed", "model_responded", "run_ended"]


async def test_starting_with_the_same_settings_joins_a_runtime_that_another_process_started(runtime: LLMRuntime) -> None:
    settings = runtime.settings.model_dump(mode="json")

    async with running("start", settings=reaching(runtime, settings)) as program:
        assert await program.answer() == {"owner": False}

    assert (await (await runtime.asubmit(plan(answer("still here")))).aresult(RESULT_S)).ok


async def test_starting_with_other_settings_under_the_same_name_is_refused(runtime: LLMRuntime) -> None:
    other = settings_of(runtime.settings.runtime.name, caching={"enabled": True, "max_entries": 7}, runtime={"lease_s": 12.0}).model_dump(
        mode="json"
    )

    async with running("start", settings=reaching(runtime, other)) as program:
        answer = await program.answer()

    assert "with other settings is running" in answer["error"]


async def test_connecting_by_an_unknown_name_is_refused(runtime: LLMRuntime) -> None:
    with pytest.raises(LLMConfigurationError, match="no runtime 'nobody'"):
        await LLMRuntime.aconnect("nobody")


async def test_connecting_to_an_address_where_nobody_listens_is_refused(python_path: None) -> None:
    async with running("start", settings={"runtime": {"address": "127.0.0.1:9"}}) as program:
        answer = await program.answer()

    assert "cannot join the Ray cluster at '127.0.0.1:9' (ConnectionError: its head at " in answer["error"]
    assert ":9 takes no connection: [Errno 111] Connection refused): start one there" in answer["error"]
