"""Submitting: what a run may use, by name and by reference; what is refused before anything runs; once is once; hosts get full."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.events import RunStarted
from polaris_llm.core.exceptions import LLMConfigurationError, OverloadedError, SessionError
from support.runtime_access import kill, links_of, loop_of, names_of, new_id, started
from support.runtime_model import call, calls, plan, tell_results
from support.runtime_tools import DEADLINE_S, GATES, NOTES


@pytest.fixture(scope="module")
def runtime() -> Iterator[LLMRuntime]:
    with started(providers={"other": {"model": "another-model", "script": "support.runtime_model:play"}}) as runtime:
        yield runtime


def test_tools_of_the_settings_are_used_by_name(runtime: LLMRuntime) -> None:
    objective = plan(calls(("add", {"a": 2, "b": 3}), ("read_context", {})), tell_results())

    outcome = runtime.submit(objective, tools=["add", "read_context"], context={"system": "swim"}).result(DEADLINE_S)

    assert json.loads(str(outcome.result)) == [5, {"system": "swim"}]


def test_any_importable_tool_is_used_by_its_reference(runtime: LLMRuntime) -> None:
    objective = plan(calls(("add", {"a": 2}), ("plain", {"text": "so"})), tell_results())

    outcome = runtime.submit(objective, tools=["support.tools_sample:add", "support.tools_sample:plain"]).result(DEADLINE_S)

    assert json.loads(str(outcome.result)) == [4, "so"]


def test_plain_functions_run_in_another_process(runtime: LLMRuntime) -> None:
    outcome = runtime.submit(plan(call("own_process"), tell_results()), tools=["support.runtime_tools:own_process"]).result(DEADLINE_S)

    (pid,) = json.loads(str(outcome.result))
    assert pid != os.getpid()


def test_tools_that_were_not_given_are_not_run(runtime: LLMRuntime) -> None:
    outcome = runtime.submit(plan(call("add", a=1, b=2), tell_results()), tools=["read_context"]).result(DEADLINE_S)

    assert json.loads(str(outcome.result)) == ["unknown tool 'add'; available: read_context"]


def test_a_pool_tools_failure_is_its_result(runtime: LLMRuntime) -> None:
    outcome = runtime.submit(plan(calls(("broken", {}), ("add", {"a": "1"})), tell_results()), tools=["broken", "add"]).result(DEADLINE_S)

    broken, misused = json.loads(str(outcome.result))
    assert outcome.ok
    assert broken == "the sensor is unplugged"
    assert "Missing required parameter: b" in misused


def test_a_run_uses_the_provider_it_names(runtime: LLMRuntime) -> None:
    session = runtime.submit("hello", provider="other")
    assert session.result(DEADLINE_S).ok

    events = list(session.events(timeout=DEADLINE_S))

    assert isinstance(events[0], RunStarted)
    assert (events[0].spec.provider, events[0].spec.model) == ("other", "another-model")
    assert runtime.health()["actors"][names_of(runtime).provider("other")]["served"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"tools": ["subtract"]},
            r"unknown tool 'subtract'; known: add, broken, .*\. Give it as 'module:name', or list it in tool_registry\.tools",
        ),
        ({"tools": ["support.runtime_tools:subtract"]}, r"tool 'support\.runtime_tools:subtract' cannot be loaded: there is no such name"),
        ({"tools": ["no_such_module:add"]}, "'no_such_module' cannot be imported"),
        ({"provider": "third"}, "unknown provider 'third'; known: default, other"),
        ({"sytem": "Be brief."}, r"unknown option 'sytem' \(did you mean 'system'\?\)"),
    ],
)
def test_what_is_unknown_is_named_with_the_remedy_and_leaves_no_session(
    runtime: LLMRuntime, options: dict[str, object], message: str
) -> None:
    before = runtime.health()["actors"][names_of(runtime).journal]["sessions"]

    with pytest.raises(LLMConfigurationError, match=message):
        runtime.submit("hello", **options)

    assert runtime.health()["actors"][names_of(runtime).journal]["sessions"] == before


def test_tools_are_listed_though_the_worker_that_listed_them_first_is_dead() -> None:
    with started() as runtime:
        worker = names_of(runtime).pools["default"].steady[0]
        loop_of(runtime).run(links_of(runtime).to(worker).ask("listed", CallContext()))
        kill(runtime, worker)

        outcome = runtime.submit(plan(call("add", a=1, b=2), tell_results()), tools=["add"]).result(DEADLINE_S)

        assert outcome.result == "[3]"


def test_sessions_are_spread_over_the_hosts_alike_by_everybody(runtime: LLMRuntime) -> None:
    with started(conversation_management={"hosts": 3}) as other:
        names = names_of(other)
        places = [names.host_of(f"session-{number}") for number in range(300)]

        assert {host: places.count(host) > 60 for host in names.hosts} == dict.fromkeys(names.hosts, True)
        assert places == [names_of(other).host_of(f"session-{number}") for number in range(300)]


def test_submitting_the_same_twice_is_submitting_once(runtime: LLMRuntime) -> None:
    session_id, text = new_id(), new_id()
    objective = plan(call("note", text=text), tell_results())

    outcomes = [runtime.submit(objective, tools=["note"], session_id=session_id).result(DEADLINE_S) for _ in range(3)]

    assert [outcome.result for outcome in outcomes] == ["[1]"] * 3
    assert NOTES.count(text) == 1


def test_an_id_that_stands_for_another_session_is_refused(runtime: LLMRuntime) -> None:
    session_id = new_id()
    runtime.submit("hello", session_id=session_id)

    with pytest.raises(SessionError, match=f"session '{session_id}' exists already: give another id, or none"):
        runtime.submit("goodbye", session_id=session_id)
    with pytest.raises(SessionError):
        runtime.submit("hello", session_id=session_id, temperature=0.9)


def test_many_sessions_are_submitted_at_once_and_spread_over_the_hosts() -> None:
    with started(conversation_management={"hosts": 2}) as runtime:
        sessions = runtime.submit_many([f"number {number}" for number in range(300)])

        results = [session.result(DEADLINE_S).result for session in sessions]

        assert results == [f"heard: number {number}" for number in range(300)]
        assert {names_of(runtime).host_of(session.session_id) for session in sessions} == set(names_of(runtime).hosts)


def test_submitting_waits_for_room_in_a_full_host() -> None:
    gate = new_id()
    with started(conversation_management={"max_sessions_per_host": 1}) as runtime, ThreadPoolExecutor() as threads:
        first = runtime.submit(plan(call("wait_at", gate=gate)), tools=["wait_at"])
        GATES[gate].await_arrival()

        second = threads.submit(runtime.submit, "hello")
        first.cancel()

        assert second.result(DEADLINE_S).result(DEADLINE_S).ok


def test_submitting_to_a_host_that_stays_full_ends_at_its_deadline() -> None:
    gate = new_id()
    with started(conversation_management={"max_sessions_per_host": 1}, runtime={"ask_timeout_s": 0.3}) as runtime:
        runtime.submit(plan(call("wait_at", gate=gate)), tools=["wait_at"])
        GATES[gate].await_arrival()

        with pytest.raises(OverloadedError, match="has 1 runs under way, its bound"):
            runtime.submit("hello")


def test_calls_of_one_step_run_side_by_side(runtime: LLMRuntime) -> None:
    gate = new_id()
    objective = plan(calls(("wait_at", {"gate": gate}), ("wait_at", {"gate": gate})), tell_results())
    session = runtime.submit(objective, tools=["wait_at"])
    GATES[gate].await_arrival()
    GATES[gate].await_arrival()
    GATES[gate].open()

    assert session.result(DEADLINE_S).result == json.dumps([f"passed {gate}"] * 2)
