"""Live tools whose process is away: the run waits for it, for so long, and says so in its log."""

import asyncio

import pytest

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.driver import WAITING_FOR_CALLER
from polaris_llm.core.events import Event, Paused, Resumed
from polaris_llm.core.exceptions import CallerAwayError, DeadlineExceededError
from support.sessions import PATIENCE_S, Deed, FakeCallers, a_spec, a_world, calls, hang, results_in, said

pytestmark = pytest.mark.anyio
AWAY = CallerAwayError("nobody serves 'look'", "callers")
LATE = DeadlineExceededError("nobody came", "callers")


def away_at_first() -> Deed:
    """A tool whose caller is away for its first call."""
    answers: list[Deed] = [AWAY]
    return lambda call: answers.pop() if answers else "ok"


def pauses(log: list[Event]) -> list[str]:
    """The pauses for a caller in the log, and their ends."""
    return [each.kind for each in log if isinstance(each, Paused | Resumed) and each.reason == WAITING_FOR_CALLER]


async def test_an_absent_caller_is_waited_for_and_then_its_tool_is_run() -> None:
    callers = FakeCallers()
    world = await a_world(calls("a:look"), said("42"), deeds={"look": away_at_first()}, callers=callers)

    assert (await world.run()).status == "completed"
    assert results_in(world.session) == {"a": "ok"}
    assert pauses(world.journal.log) == ["paused", "resumed"]
    assert [call.call_id for call in callers.waited] == ["a"]


async def test_a_caller_that_stays_away_fails_the_run() -> None:
    world = await a_world(calls("a:look"), deeds={"look": AWAY}, callers=FakeCallers(LATE), spec=a_spec(caller_timeout_s=7.0))

    outcome = await world.run()

    assert outcome.status == "failed"
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.message) == ("CallerAwayError", "nobody serves 'look'; waited 7 s")
    assert results_in(world.session) == {"a": "no result: the run ended as failed"}


@pytest.mark.parametrize(("caller_timeout_s", "expected_s"), [(7.0, 7.0), (1000.0, 60.0)])
async def test_a_caller_is_waited_for_within_its_time_and_the_runs(caller_timeout_s: float, expected_s: float) -> None:
    callers = FakeCallers()
    spec = a_spec(caller_timeout_s=caller_timeout_s, deadline_s=60.0)
    world = await a_world(calls("a:look"), said("42"), deeds={"look": away_at_first()}, callers=callers, spec=spec)

    await world.run()

    assert [call.remaining_s for call in callers.waited] == [expected_s]


async def test_where_nobody_is_waited_for_an_absent_caller_is_a_failed_tool() -> None:
    world = await a_world(calls("a:look"), said("42"), deeds={"look": AWAY})

    assert (await world.run()).status == "completed"
    assert results_in(world.session) == {"a": "nobody serves 'look'"}


async def test_calls_that_wait_together_pause_the_run_once() -> None:
    together = asyncio.Barrier(2)

    async def both(call: CallContext) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await together.wait()

    deeds = {"look": away_at_first(), "fetch": away_at_first()}
    world = await a_world(calls("a:look", "b:fetch"), said("42"), deeds=deeds, callers=FakeCallers(both))

    assert (await world.run()).status == "completed"
    assert results_in(world.session) == {"a": "ok", "b": "ok"}
    assert pauses(world.journal.log) == ["paused", "resumed"]


async def test_a_cancelled_run_waits_no_longer() -> None:
    world = await a_world(calls("a:look"), deeds={"look": AWAY}, callers=FakeCallers(lambda call: hang()))
    running = asyncio.create_task(world.run())
    await world.journal.holds("paused")

    world.driver.end("cancelled")

    assert (await running).status == "cancelled"
    assert pauses(world.journal.log) == ["paused"]


async def test_a_wait_that_a_crash_cut_short_is_taken_up_again_by_the_next_driver() -> None:
    first = await a_world(calls("a:look"), deeds={"look": AWAY}, callers=FakeCallers(lambda call: hang()))
    running = asyncio.create_task(first.run())
    await first.journal.holds("paused")
    running.cancel()

    world = await a_world(calls("a:look"), said("42"), log=first.journal.log, callers=FakeCallers())

    assert (await world.run()).status == "completed"
    assert pauses(world.journal.log) == ["paused", "resumed"]
    assert results_in(world.session) == {"a": "ok"}
