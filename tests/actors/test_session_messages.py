"""What can be said to a session: messages into its run and after it, and consent to its tools."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.events import RunStarted
from polaris_llm.core.exceptions import IllegalEventError, SessionError
from polaris_llm.core.parts import text_message
from support.runtime_access import new_id, started
from support.runtime_model import answer, call, plan, tell_all, tell_results
from support.runtime_sessions import kinds_of, waiting_session
from support.runtime_tools import DEADLINE_S, GATES, NOTES


@pytest.fixture(scope="module")
def runtime() -> Iterator[LLMRuntime]:
    with started() as runtime:
        yield runtime


def test_a_message_into_a_run_is_seen_by_its_next_step(runtime: LLMRuntime) -> None:
    session, gate = waiting_session(runtime, tell_all())

    session.send("and quickly")
    GATES[gate].open()

    history = json.loads(str(session.result(DEADLINE_S).result))
    assert ["user", "and quickly"] in history
    assert "message_received" in kinds_of(session)


def test_a_message_after_a_run_starts_another_that_knows_the_history(runtime: LLMRuntime) -> None:
    session = runtime.submit("hello", system="Be brief.")
    assert session.result(DEADLINE_S).result == "heard: hello"

    session.send(plan(tell_all()))

    outcome = session.result(DEADLINE_S)
    assert json.loads(str(outcome.result))[:2] == [["user", "hello"], ["assistant", "heard: hello"]]
    assert outcome.run_id != f"{session.session_id}.1"
    assert [event.spec.system for event in session.events(timeout=DEADLINE_S) if isinstance(event, RunStarted)] == ["Be brief."] * 2


def test_messages_at_the_very_end_of_a_run_are_never_refused_nor_lost(runtime: LLMRuntime) -> None:
    session = runtime.submit("begin")

    for number in range(30):
        session.send(f"message {number}")
    session.result(DEADLINE_S)
    session.send(plan(tell_all()))

    heard = json.loads(str(session.result(DEADLINE_S).result))
    assert [text for role, text in heard if role == "user" and text.startswith("message")] == [f"message {number}" for number in range(30)]


@pytest.mark.anyio
async def test_two_messages_at_once_are_both_heard(runtime: LLMRuntime) -> None:
    session = await runtime.asubmit("hello")
    await session.aresult(DEADLINE_S)

    async with asyncio.TaskGroup() as group:
        group.create_task(session.asend("one"))
        group.create_task(session.asend("two"))
    await session.aresult(DEADLINE_S)
    await session.asend(plan(tell_all()))

    heard = json.loads(str((await session.aresult(DEADLINE_S)).result))
    assert {"one", "two"} <= {text for role, text in heard if role == "user"}


def test_history_given_with_a_session_comes_before_its_objective(runtime: LLMRuntime) -> None:
    history = (text_message("user", "before"), text_message("assistant", "indeed"))

    outcome = runtime.submit(plan(tell_all()), history=history).result(DEADLINE_S)

    assert json.loads(str(outcome.result))[:2] == [["user", "before"], ["assistant", "indeed"]]


@pytest.mark.parametrize(("approved", "content"), [(True, "b is back"), (False, "not approved: too risky")])
def test_a_tool_that_needs_consent_waits_for_it(runtime: LLMRuntime, approved: bool, content: str) -> None:
    server = new_id()
    session = runtime.submit(plan(call("reboot", server=server), tell_results()), tools=["reboot"])
    asked = next(event for event in session.events(timeout=DEADLINE_S) if event.kind == "approval_requested")
    assert f"rebooted {server}" not in NOTES

    session.approve(asked.call_id, approved, "too risky" if not approved else "")

    assert session.result(DEADLINE_S).result == json.dumps([content.replace("b is", f"{server} is")])
    assert (f"rebooted {server}" in NOTES) is approved


def test_consent_to_what_was_not_asked_is_refused_by_name(runtime: LLMRuntime) -> None:
    session, gate = waiting_session(runtime)

    with pytest.raises(IllegalEventError, match="no call 'call-9' in this step"):
        session.approve("call-9")
    session.cancel()
    session.result(DEADLINE_S)
    with pytest.raises(SessionError, match=f"session '{session.session_id}' has no run under way"):
        session.approve("call-9")
    assert gate in GATES


@pytest.mark.anyio
async def test_a_session_can_be_led_by_coroutines(runtime: LLMRuntime) -> None:
    server = new_id()
    session = await runtime.asubmit(plan(call("reboot", server=server), answer("done")), tools=["reboot"])
    asked = await anext(event async for event in session.astream(timeout=DEADLINE_S) if event.kind == "approval_requested")

    await session.aapprove(asked.call_id)
    assert (await session.aresult(DEADLINE_S)).result == "done"
    await session.asend(plan(call("reboot", server=server)))

    assert await session.acancel()
    assert (await session.aresult(DEADLINE_S)).status == "cancelled"
