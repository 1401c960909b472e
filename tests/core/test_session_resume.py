"""A session outlives its process: what a log keeps, what is done again after a crash, and what never is."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.events import ApprovalGiven, Event, Paused, ToolCompleted, ToolStarted, event_from_json, event_to_json
from polaris_llm.core.exceptions import JournalConflictError, UnexpectedError
from polaris_llm.core.session import Session
from polaris_llm.core.tool_calls import OUTCOME_UNKNOWN
from support.sessions import NOW, PATIENCE_S, FakeJournal, World, a_world, calls, hang, heard, results_in, said

pytestmark = pytest.mark.anyio
SCRIPT = (calls("a:look", "b:launch", "c:fetch"), calls("a:ask", "d:launch"), said("42"))


async def consent(world: World) -> None:
    """Give the consent that the script's second step asks for, as soon as it does."""
    await world.journal.holds("approval_requested")
    if "approval_given" not in world.journal.kinds():
        world.driver.receive(ApprovalGiven(call_id="a.2", approved=True, at=NOW))


async def run_with_consent(world: World) -> Any:
    """What came of the run, and nothing of it still under way."""
    consenting = asyncio.create_task(consent(world))
    try:
        return await world.run()
    finally:
        consenting.cancel()


def ids_of(log: Sequence[Event], kind: str) -> set[str]:
    """The ids of the calls that had an event of this kind."""
    return {each.call_id for each in log if isinstance(each, ToolStarted | ToolCompleted) and each.kind == kind}


async def full_log() -> list[Event]:
    """The log of the script's run without a crash."""
    world = await a_world(*SCRIPT)
    assert (await run_with_consent(world)).status == "completed"
    return world.journal.log


@pytest.mark.parametrize("cut", range(1, 15))
async def test_a_log_cut_anywhere_is_finished_without_doing_again_what_was_done(cut: int) -> None:
    log = (await full_log())[:cut]
    world = await a_world(*SCRIPT, log=[event_from_json(event_to_json(each)) for each in log])

    outcome = await run_with_consent(world)

    assert (outcome.status, outcome.result) == ("completed", "42")
    assert not set(world.model.steps) & {each.step for each in log if each.kind == "model_responded"}
    assert not set(world.tools.call_ids) & (ids_of(log, "tool_completed") | ids_of(log, "tool_started"))
    assert len(world.tools.call_ids) == len(set(world.tools.call_ids))
    lost = ids_of(log, "tool_started") - ids_of(log, "tool_completed")
    assert results_in(world.session) == {call_id: OUTCOME_UNKNOWN if call_id in lost else "ok" for call_id in ("a", "b", "c", "a.2", "d")}


async def test_the_log_that_is_cut_has_the_length_that_the_cuts_go_to() -> None:
    log = await full_log()

    assert len(log) == 15
    assert [each.kind for each in log].count("tool_started") == 3


@settings(max_examples=150, deadline=None)
@given(crashes=st.lists(st.integers(0, 25), max_size=5))
async def test_however_often_it_crashes_a_tool_that_must_not_run_twice_does_not(crashes: list[int]) -> None:
    log: list[Event] = []
    ran: Counter[str] = Counter()
    for turns in [*crashes, 1000]:
        if log and log[-1].kind == "run_ended":
            break
        world = await a_world(*SCRIPT, log=log)
        living = asyncio.create_task(run_with_consent(world))
        for _ in range(turns):
            await asyncio.sleep(0)
        log = list(world.journal.log)  # what reaches the journal later did not happen
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)
        ran.update(call.call_id for name, call in world.tools.ran if name in ("launch", "ask"))

    results = results_in(Session.replay("session", log))
    assert log[-1].kind == "run_ended"
    assert max(ran.values(), default=0) <= 1
    assert all(ran[call_id] == 1 for call_id in ("a.2", "b", "d") if results[call_id] == "ok")
    assert set(results.values()) <= {"ok", OUTCOME_UNKNOWN}


@pytest.mark.parametrize("writing_takes", [0, 1, 20])
async def test_a_tool_that_must_not_run_twice_runs_after_its_start_is_in_the_journal(writing_takes: int) -> None:
    class SlowJournal(FakeJournal):
        async def append(self, session_id: str, expected_seq: int, events: Sequence[Event]) -> None:
            for _ in range(writing_takes):
                await asyncio.sleep(0)
            await super().append(session_id, expected_seq, events)

    journal = SlowJournal()
    in_journal: list[bool] = []

    def launch(call: CallContext) -> str:
        in_journal.append(call.call_id in ids_of(journal.log, "tool_started"))
        return "ok"

    world = await a_world(calls("a:launch", "b:look", "c:launch"), said("42"), deeds={"launch": launch}, journal=journal)

    assert (await world.run()).status == "completed"
    assert in_journal == [True, True]


async def test_only_tools_that_must_not_run_twice_wait_for_the_journal() -> None:
    world = await a_world(calls("a:look", "b:fetch", "c:launch"), said("42"))

    await world.run()

    assert ids_of(world.journal.log, "tool_started") == {"c"}


async def test_a_run_whose_deadline_passed_meanwhile_ends_and_does_nothing_more() -> None:
    log = (await full_log())[:2]
    world = await a_world(*SCRIPT, log=log, now=NOW + 601)

    assert (await world.run()).status == "deadline_exceeded"
    assert (world.model.asked, world.tools.ran) == ([], [])
    assert world.journal.kinds() == ["run_started", "model_responded", "run_ended"]


async def test_an_answer_that_came_before_the_crash_counts_even_after_the_deadline() -> None:
    log = (await full_log())[:-1]
    world = await a_world(*SCRIPT, log=log, now=NOW + 601)

    outcome = await world.run()

    assert (outcome.status, outcome.result, world.model.asked) == ("completed", "42", [])


async def test_a_crash_during_a_pause_leaves_no_step_undone() -> None:
    log = [*(await full_log())[:2], Paused(reason="lunch", at=NOW)]
    world = await a_world(*SCRIPT, log=log)
    running = asyncio.create_task(world.run())

    await world.journal.holds("tool_completed", times=3)
    world.driver.end("cancelled")

    assert (await running).status == "cancelled"
    assert world.tools.call_ids == ["a", "c", "b"]
    assert world.model.asked == []


async def test_a_message_before_the_crash_is_seen_after_it() -> None:
    log = [*(await full_log())[:2], heard("hurry")]
    world = await a_world(*SCRIPT[:1], said("42"), log=log)

    await world.run()

    assert world.model.asked[0][0].messages[-1].text == "hurry"


async def test_a_second_writer_loses_and_stops() -> None:
    journal = FakeJournal()
    world = await a_world(calls("a:launch"), said("42"), journal=journal)
    await journal.append("session", 1, [heard("I am the other writer")])

    with pytest.raises(JournalConflictError, match="session session has 2 events, its writer thought 1") as caught:
        await world.run()

    assert caught.value.actual_seq == 2
    assert world.tools.ran == []
    assert world.journal.kinds() == ["run_started", "message_received"]


@pytest.mark.parametrize("kept", [1, 2, 3, 4])
async def test_a_journal_that_fails_stops_the_run_wherever_it_is(kept: int) -> None:
    world = await a_world(calls("a:look"), said("42"), journal=FakeJournal(fail_at=kept))

    with pytest.raises(UnexpectedError, match="OSError: disk full"):
        await world.run()

    assert 1 <= len(world.journal.log) <= kept
    assert "run_ended" not in world.journal.kinds()


async def test_a_journal_that_fails_stops_what_is_under_way() -> None:
    stopped = asyncio.Event()

    async def work() -> None:
        try:
            await hang()
        finally:
            stopped.set()

    world = await a_world(calls("a:look"), deeds={"look": lambda call: work()}, journal=FakeJournal(fail_at=1))

    with pytest.raises(UnexpectedError):
        await world.run()
    async with asyncio.timeout(PATIENCE_S):
        await stopped.wait()


async def test_nothing_is_taken_from_outside_once_the_journal_failed() -> None:
    world = await a_world(said("42"), journal=FakeJournal(fail_at=1))
    with pytest.raises(UnexpectedError):
        await world.run()
    seq = world.session.seq

    with pytest.raises(UnexpectedError, match="disk full"):
        world.driver.receive(heard("hello?"))

    assert world.session.seq == seq
