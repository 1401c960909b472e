"""What a driver asks of its ports, and what it does with messages, consent and pauses."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.canonical import MAX_DEPTH
from polaris_llm.core.driver import Driver, Ports
from polaris_llm.core.events import ApprovalGiven, Paused, Resumed, RunEnded, event_from_json, event_to_json
from polaris_llm.core.exceptions import DeadlineExceededError, IllegalEventError, OutcomeUnknownError, SessionError
from polaris_llm.core.models import ToolResult
from polaris_llm.core.parts import ToolCallPart, ToolResultPart
from polaris_llm.core.session import Session
from support.nesting import nested
from support.sessions import NOW, PATIENCE_S, TOOLS, FakeJournal, a_spec, a_start, a_world, answer_of, calls, heard, results_in, said

pytestmark = pytest.mark.anyio
LOST = OutcomeUnknownError("the actor died", "provider")


async def test_calls_of_a_step_run_in_parallel() -> None:
    together = asyncio.Barrier(3)

    async def meet(call: CallContext) -> str:
        async with asyncio.timeout(PATIENCE_S):
            await together.wait()
        return call.call_id

    world = await a_world(calls("a:look", "b:look", "c:look"), said("42"), deeds={"look": meet})

    assert (await world.run()).status == "completed"
    assert results_in(world.session) == {"a": "a", "b": "b", "c": "c"}


async def test_only_listed_tools_are_run() -> None:
    world = await a_world(calls("a:launch", "b:look", "c:nothing"), said("42"), spec=a_spec(tools=TOOLS[:1]))

    await world.run()

    assert world.tools.call_ids == ["b"]


async def test_repeated_ids_and_malformed_calls_get_one_result_each() -> None:
    bad = ToolCallPart(call_id="a", name="look", arguments={}, malformed="{")
    world = await a_world(answer_of(bad, *calls("a:look", "a:fetch").tool_calls), said("42"))

    await world.run()

    assert world.tools.call_ids == ["a.2", "a.3"]
    assert results_in(world.session).keys() == {"a", "a.2", "a.3"}


async def test_a_call_with_arguments_too_deep_for_the_journal_is_told_of_and_the_run_goes_on() -> None:
    deep = ToolCallPart(call_id="a", name="fetch", arguments=nested(MAX_DEPTH + 1))
    world = await a_world(answer_of(deep), said("42"))

    assert (await world.run()).status == "completed"
    assert world.tools.call_ids == []
    assert "at most 200 levels" in results_in(world.session)["a"]
    assert [event_from_json(event_to_json(event)) for event in world.journal.log] == world.journal.log


@pytest.mark.parametrize(
    ("deed", "content"),
    [
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
        (DeadlineExceededError("too slow", "tools"), "too slow"),
        (ToolResult(call_id="a", tool_name="look", success=False, result={}, error_message="no light"), "no light"),
    ],
)
async def test_a_failed_tool_is_a_result_for_the_model(deed: Any, content: str) -> None:
    world = await a_world(calls("a:look"), said("42"), deeds={"look": deed})

    assert (await world.run()).status == "completed"
    (result,) = world.session.state.messages[-2].parts
    assert result == ToolResultPart(call_id="a", name="look", content=content, is_error=True)


@pytest.mark.parametrize("tool", ["look", "fetch"])
async def test_a_repeatable_tool_whose_outcome_is_unknown_is_run_once_more(tool: str) -> None:
    world = await a_world(calls(f"a:{tool}"), said("42"), deeds={tool: lambda call: LOST if call.attempt == 1 else "ok"})

    await world.run()

    assert [call.attempt for _, call in world.tools.ran] == [1, 2]
    assert results_in(world.session) == {"a": "ok"}


async def test_a_tool_whose_outcome_stays_unknown_has_that_as_its_result() -> None:
    world = await a_world(calls("a:look", "b:launch"), said("42"), deeds={"look": LOST, "launch": LOST})

    assert (await world.run()).status == "completed"
    assert [name for name, _ in world.tools.ran].count("launch") == 1
    assert results_in(world.session)["a"] == "the actor died"
    assert results_in(world.session)["b"].startswith("outcome unknown: the tool was started but its result was lost; it is not run again")


async def test_a_model_whose_outcome_is_unknown_is_asked_once_more() -> None:
    world = await a_world(lambda call: LOST if call.attempt == 1 else said("42"))

    assert (await world.run()).result == "42"
    first, second = world.model.asked
    assert (first[0], first[1].idempotency_key) == (second[0], second[1].idempotency_key)


async def test_a_model_whose_outcome_stays_unknown_fails_the_run() -> None:
    outcome = await (await a_world(LOST)).run()

    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.code == "OUTCOME_UNKNOWN"


async def test_every_call_says_whose_it_is_and_how_long_it_may_take() -> None:
    world = await a_world(calls("a:look", "b:look"), said("42"), spec=a_spec(tenant="acme", priority=3, deadline_s=60.0))

    await world.run()

    model_call, (_, tool_call) = world.model.asked[0][1], world.tools.ran[1]
    assert (model_call.step, model_call.call_id, model_call.tenant, model_call.priority) == (1, "run-1.1", "acme", 3)
    assert (model_call.session_id, model_call.root_session_id, model_call.run_id) == ("session", "session", "run-1")
    assert model_call.remaining_s == 60.0
    assert tool_call == replace(model_call, call_index=1, call_id="b")


async def test_a_message_during_the_last_answer_is_answered_too() -> None:
    go_on = asyncio.Event()

    async def answer(call: CallContext) -> Any:
        await go_on.wait()
        return said("20 degrees")

    world = await a_world(answer, said("293 Kelvin"))
    running = asyncio.create_task(world.run())
    world.driver.receive(heard("and in Kelvin?"))
    go_on.set()

    assert (await running).result == "293 Kelvin"
    assert world.model.asked[1][0].messages[-1].text == "and in Kelvin?"


async def test_a_tool_that_needs_consent_waits_for_it() -> None:
    world = await a_world(calls("a:ask", "b:look"), said("42"))
    running = asyncio.create_task(world.run())
    await world.journal.holds("approval_requested")
    await world.journal.holds("tool_completed")
    assert world.tools.call_ids == ["b"]

    world.driver.receive(ApprovalGiven(call_id="a", approved=True, at=NOW))

    assert (await running).status == "completed"
    assert world.tools.call_ids == ["b", "a"]


async def test_a_paused_run_takes_no_new_step_until_it_is_resumed() -> None:
    world = await a_world(calls("a:look"), said("42"))
    running = asyncio.create_task(world.run())
    world.driver.receive(Paused(reason="lunch", at=NOW))
    await world.journal.holds("model_responded")
    assert world.tools.ran == []

    world.driver.receive(Resumed(reason="lunch", at=NOW))

    assert (await running).status == "completed"


async def test_consent_before_the_driver_runs_is_carried_out_once() -> None:
    waiting = await a_world(calls("a:ask"), said("42"))
    running = asyncio.create_task(waiting.run())
    await waiting.journal.holds("approval_requested")
    running.cancel()

    world = await a_world(calls("a:ask"), said("42"), log=waiting.journal.log)
    world.driver.receive(ApprovalGiven(call_id="a", approved=True, at=NOW))

    assert (await world.run()).status == "completed"
    assert world.tools.call_ids == ["a"]


async def test_an_illegal_event_is_refused_and_the_run_goes_on() -> None:
    world = await a_world(said("42"))

    with pytest.raises(IllegalEventError):
        world.driver.receive(Resumed(reason="lunch", at=NOW))

    assert (await world.run()).result == "42"
    assert world.journal.kinds() == ["run_started", "model_responded", "run_ended"]


async def test_a_session_without_a_run_cannot_be_driven() -> None:
    ports = Ports(model=(await a_world()).model, tools=(await a_world()).tools, journal=FakeJournal())
    over = Session.replay("session", [a_start(), RunEnded(run_id="run-1", status="cancelled", at=NOW)])

    for session in (Session("session"), over):
        with pytest.raises(SessionError, match="has no run under way"):
            Driver(session, ports)
