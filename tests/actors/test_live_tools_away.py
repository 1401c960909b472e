"""Runs wait for the process that serves their live tools when it is away, and go on with whoever attaches."""

import asyncio
from collections.abc import Iterator

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.events import Paused, Resumed
from polaris_llm.core.exceptions import SessionError, UnknownSessionError
from polaris_llm.core.runs import RunLimits
from polaris_llm.core.tool_registry import tool
from support.runtime_access import freeze_live_tools, joined, kill, names_of, new_id, started, take_for_dead
from support.runtime_model import answer, call, plan, tell_results
from support.runtime_sessions import await_pause, results_of
from support.runtime_tools import DEADLINE_S, Gate, where

PATIENT = RunLimits(caller_timeout_s=DEADLINE_S)


@pytest.fixture
def runtime() -> Iterator[LLMRuntime]:
    with started(runtime={"lease_s": 0.3}) as runtime:
        yield runtime


def test_a_run_waits_for_its_caller_and_goes_on_with_another(runtime: LLMRuntime) -> None:
    caller = joined(runtime)
    session = caller.submit(plan(call("where"), call("where"), tell_results()), tools=[where], limits=PATIENT, session_id=new_id())
    results_of(session)
    caller.close()

    watched = runtime.session(session.session_id)
    watched.send(plan(call("where"), answer("done")))
    await_pause(watched)
    runtime.attach(session.session_id, [where])

    assert watched.result(DEADLINE_S).result == "done"
    pauses = [event for event in watched.events(timeout=DEADLINE_S) if isinstance(event, Paused | Resumed)]
    assert [(event.kind, event.reason) for event in pauses] == [("paused", "waiting_for_caller"), ("resumed", "waiting_for_caller")]


def test_a_caller_that_is_gone_without_a_goodbye_is_noticed_by_its_lease(runtime: LLMRuntime) -> None:
    caller = joined(runtime)
    gate = Gate()

    @tool(effect="pure")
    async def look() -> str:
        """Look, and be gone."""
        await gate.passed()
        return "seen"

    session = caller.submit(plan(call("look"), tell_results()), tools=[look], limits=PATIENT)
    gate.await_arrival()
    freeze_live_tools(caller)

    await_pause(session)
    gate.open()
    runtime.attach(session.session_id, [look])

    assert results_of(session) == ["seen"]
    assert gate.entered == 2
    caller.close()


def test_what_a_caller_took_along_is_not_run_twice_if_it_must_not_be(runtime: LLMRuntime) -> None:
    caller = joined(runtime)
    gate = Gate()

    @tool(effect="once")
    async def pay() -> None:
        """Pay, and be gone."""
        await gate.passed()

    session = caller.submit(plan(call("pay"), tell_results()), tools=[pay], limits=PATIENT)
    gate.await_arrival()
    caller.close()

    result = results_of(runtime.session(session.session_id))
    assert "outcome unknown: the tool was started but its result was lost; it is not run again" in str(result)
    assert gate.entered == 1


def test_a_caller_that_does_not_come_back_fails_the_run(runtime: LLMRuntime) -> None:
    caller = joined(runtime)
    session = caller.submit(plan(answer("begun")), tools=[where], limits=RunLimits(caller_timeout_s=0.1))
    assert session.result(DEADLINE_S).ok
    caller.close()

    left = runtime.session(session.session_id)
    left.send(plan(call("where"), tell_results()))

    outcome = left.result(DEADLINE_S)
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.code) == ("CallerAwayError", "CALLER_AWAY")
    assert f"session {session.session_id}" in outcome.error.message


def test_a_caller_that_was_held_up_for_longer_than_its_lease_is_served_again_by_itself(runtime: LLMRuntime) -> None:
    session = runtime.submit(plan(answer("begun")), tools=[where], limits=PATIENT)
    assert session.result(DEADLINE_S).ok
    take_for_dead(runtime)

    session.send(plan(call("where"), answer("done")))

    assert session.result(DEADLINE_S).result == "done"


def test_a_desk_that_dies_is_found_again(runtime: LLMRuntime) -> None:
    gate = Gate()

    @tool(effect="pure")
    async def look() -> str:
        """Look."""
        await gate.passed()
        return "seen"

    session = runtime.submit(plan(call("look"), tell_results()), tools=[look], limits=PATIENT)
    gate.await_arrival()
    kill(runtime, names_of(runtime).callers)
    gate.open()

    assert results_of(session) == ["seen"]


def test_submitting_again_with_live_tools_takes_the_session_over(runtime: LLMRuntime) -> None:
    caller, session_id = joined(runtime), new_id()
    objective = plan(call("where"), answer("done"))
    freeze = Gate()

    @tool(name="where", effect="pure")
    async def where_first() -> str:
        """Tell the thread."""
        await freeze.passed()
        return "too late"

    @tool(name="where", effect="pure")
    async def where_again() -> str:
        """Tell the thread."""
        return "here"

    caller.submit(objective, tools=[where_first], session_id=session_id, limits=PATIENT)
    freeze.await_arrival()
    caller.close()
    session = runtime.submit(objective, tools=[where_again], session_id=session_id, limits=PATIENT)

    assert session.result(DEADLINE_S).result == "done"


def test_a_refused_submission_takes_no_live_tools_over(runtime: LLMRuntime) -> None:
    gate, session_id = Gate(), new_id()

    async def look() -> str:
        """Look."""
        await gate.passed()
        return "seen"

    session = runtime.submit(plan(call("look"), call("look"), tell_results()), tools=[look], session_id=session_id)
    gate.await_arrival()
    other = joined(runtime)
    with pytest.raises(SessionError, match=f"session '{session_id}' exists already: give another id, or none"):
        other.submit("something else", tools=[where], session_id=session_id)
    gate.open()

    assert results_of(session) == ["seen", "seen"]
    other.close()


def test_attaching_to_an_unknown_session_is_refused(runtime: LLMRuntime) -> None:
    with pytest.raises(UnknownSessionError, match="no session 'never-submitted'"):
        runtime.attach("never-submitted", [where])


@pytest.mark.anyio
async def test_coroutines_can_attach(runtime: LLMRuntime) -> None:
    caller = joined(runtime)
    session = await caller.asubmit(plan(answer("begun")), tools=[where], limits=PATIENT)
    await session.aresult(DEADLINE_S)
    await asyncio.to_thread(caller.close)
    home = asyncio.get_running_loop()

    @tool(name="where")
    async def is_at_home() -> bool:
        """Tell whether this is the loop that attached it."""
        return asyncio.get_running_loop() is home

    left = await runtime.aattach(session.session_id, [is_at_home])
    await left.asend(plan(call("where"), tell_results()))

    assert (await left.aresult(DEADLINE_S)).result == "[true]"
