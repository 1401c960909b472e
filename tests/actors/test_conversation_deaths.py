"""Whatever dies under a run: finished steps are not repeated, and what must not run twice does not."""

import json
from collections.abc import Iterator

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from support.runtime_access import kill, names_of, new_id, started
from support.runtime_model import ASKED, answer, call, plan, tell_results, times_asked
from support.runtime_tools import DEADLINE_S, GATES


@pytest.fixture
def runtime() -> Iterator[LLMRuntime]:
    with started() as runtime:
        yield runtime


def test_a_run_outlives_its_host_and_repeats_no_finished_step(runtime: LLMRuntime) -> None:
    session_id, gate, text = new_id(), new_id(), new_id()
    objective = plan(call("note", text=text), call("wait_at", gate=gate), call("note", text=text), tell_results())
    session = runtime.submit(objective, tools=["note", "wait_at"], session_id=session_id)
    GATES[gate].await_arrival()
    assert next(event for event in session.events(2, DEADLINE_S)).kind == "tool_completed"
    assert next(event for event in session.events(3, DEADLINE_S)).kind == "model_responded"

    kill(runtime, names_of(runtime).host_of(session_id))
    GATES[gate].await_arrival()
    GATES[gate].open()

    assert session.result(DEADLINE_S).result == json.dumps([1, f"passed {gate}", 2])
    assert [times_asked(session_id, step) for step in (1, 2, 3, 4)] == [1, 1, 1, 1]
    assert [event.kind for event in session.events(timeout=DEADLINE_S)].count("run_started") == 1


def test_a_call_that_must_not_run_twice_is_given_up_when_its_host_dies(runtime: LLMRuntime) -> None:
    session_id, gate = new_id(), new_id()
    session = runtime.submit(plan(call("wait_at_once_only", gate=gate), tell_results()), tools=["wait_at_once_only"], session_id=session_id)
    GATES[gate].await_arrival()

    kill(runtime, names_of(runtime).host_of(session_id))

    assert "outcome unknown" in str(session.result(DEADLINE_S).result)
    assert GATES[gate].entered == 1


def test_a_message_reaches_a_run_whose_host_has_just_died(runtime: LLMRuntime) -> None:
    session_id, gate = new_id(), new_id()
    session = runtime.submit(plan(call("wait_at", gate=gate), answer("done")), tools=["wait_at"], session_id=session_id)
    GATES[gate].await_arrival()

    kill(runtime, names_of(runtime).host_of(session_id))
    session.send("and hurry")
    GATES[gate].open()

    assert session.result(DEADLINE_S).result == "done"
    assert "message_received" in [event.kind for event in session.events(timeout=DEADLINE_S)]
    assert any("and hurry" in message.text for message in ASKED[-1].messages)


@pytest.mark.parametrize("hosts", [1, 3])
def test_many_sessions_outlive_all_their_hosts(hosts: int) -> None:
    with started(conversation_management={"hosts": hosts}) as runtime:
        gate = new_id()
        objective = plan(call("add", a=1, b=2), call("wait_at", gate=gate), tell_results())
        sessions = runtime.submit_many([objective] * 30, tools=["add", "wait_at"])
        for _ in sessions:
            GATES[gate].await_arrival()

        for host in names_of(runtime).hosts:
            kill(runtime, host)
        GATES[gate].open()

        assert [session.result(DEADLINE_S).result for session in sessions] == [json.dumps([3, f"passed {gate}"])] * 30


def test_a_call_that_may_run_twice_is_repeated_when_its_worker_dies(runtime: LLMRuntime) -> None:
    gate = new_id()
    session = runtime.submit(plan(call("wait_at", gate=gate), tell_results()), tools=["wait_at"])
    GATES[gate].await_arrival()

    for worker in names_of(runtime).pools["default"].steady:
        kill(runtime, worker)
    GATES[gate].await_arrival()
    GATES[gate].open()

    assert session.result(DEADLINE_S).result == json.dumps([f"passed {gate}"])


def test_a_call_that_must_not_run_twice_is_not_repeated_when_its_worker_dies(runtime: LLMRuntime) -> None:
    gate = new_id()
    session = runtime.submit(plan(call("wait_at_once_only", gate=gate), tell_results()), tools=["wait_at_once_only"])
    GATES[gate].await_arrival()

    for worker in names_of(runtime).pools["default"].steady:
        kill(runtime, worker)

    assert "outcome unknown: the tool was started but its result was lost" in str(session.result(DEADLINE_S).result)
    assert GATES[gate].entered == 1
