"""CallerDesk as a plain object: calls reach the caller that serves their session, leases end, and nobody's answer is lost silently."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

import pytest

from polaris_llm.actors.callers import CallerDesk, LiveCall
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import CallerAwayError, OutcomeUnknownError
from polaris_llm.core.models import ToolResult
from support.runtime_tools import DEADLINE_S

CALL = CallContext(session_id="s", call_id="c")
T = TypeVar("T")


def result_of(live: LiveCall, value: Any = "done") -> ToolResult:
    return ToolResult(call_id=live.call.call_id, tool_name=live.name, success=True, result=value)


async def soon(work: Awaitable[T]) -> T:
    return await asyncio.wait_for(work, DEADLINE_S)


def asked(desk: CallerDesk, call: CallContext = CALL) -> asyncio.Task[ToolResult]:
    """A tool call that waits for its caller."""
    return asyncio.create_task(desk.run_tool(call, "look", {"at": 1}, {"system": "swim"}))


@pytest.mark.anyio
async def test_a_call_goes_to_the_caller_of_its_session_and_its_result_comes_back() -> None:
    desk = CallerDesk(lease_s=DEADLINE_S)
    desk.attach(CALL, "one", ("s",))
    desk.attach(CALL, "two", ("other",))
    waiting = asked(desk)

    (live,) = await soon(desk.take(CALL, "one"))
    desk.complete(CALL, "one", live.number, result_of(live))

    assert (live.name, live.arguments, live.context, live.call) == ("look", {"at": 1}, {"system": "swim"}, CALL)
    assert (await soon(waiting)).result == "done"
    assert desk.health() == {"callers": 2, "sessions_served": 2}


@pytest.mark.anyio
async def test_a_caller_that_waits_already_is_told_at_once_of_all_calls_of_a_tick() -> None:
    desk = CallerDesk(lease_s=DEADLINE_S)
    desk.attach(CALL, "one", ("s",))
    taking = asyncio.create_task(desk.take(CALL, "one"))
    await asyncio.sleep(0)

    waiting = [asked(desk) for _ in range(3)]
    calls = await soon(taking)
    for live in calls:
        desk.complete(CALL, "one", live.number, result_of(live, live.number))

    assert [(await soon(each)).result for each in waiting] == [live.number for live in calls]


@pytest.mark.anyio
async def test_taking_ends_after_a_third_of_the_lease_so_that_the_caller_shows_that_it_lives() -> None:
    desk = CallerDesk(lease_s=0.3)
    desk.attach(CALL, "one", ())

    assert await soon(desk.take(CALL, "one")) == ()


@pytest.mark.anyio
async def test_a_call_of_a_session_that_nobody_serves_is_refused() -> None:
    with pytest.raises(CallerAwayError, match="no process serves the live tool 'look' of session s: attach one"):
        await CallerDesk(lease_s=DEADLINE_S).run_tool(CALL, "look", {}, {})


@pytest.mark.anyio
async def test_a_late_result_for_a_desk_that_died_is_not_taken_for_that_of_a_call_of_its_replacement() -> None:
    dead, desk = (CallerDesk(lease_s=DEADLINE_S) for _ in range(2))
    for each in (dead, desk):
        each.attach(CALL, "one", ("s",))
    lost, waiting = asked(dead), asked(desk)
    (late,) = await soon(dead.take(CALL, "one"))
    (live,) = await soon(desk.take(CALL, "one"))

    desk.complete(CALL, "one", late.number, result_of(late, "of the dead desk"))
    desk.complete(CALL, "one", live.number, result_of(live, "of this one"))

    assert late.number != live.number
    assert (await soon(waiting)).result == "of this one"
    lost.cancel()


@pytest.mark.anyio
async def test_a_goodbye_tells_taken_calls_from_those_that_were_not() -> None:
    desk = CallerDesk(lease_s=DEADLINE_S)
    desk.attach(CALL, "one", ("s",))
    taken = asked(desk)
    await soon(desk.take(CALL, "one"))
    left = asked(desk)
    await asyncio.sleep(0)

    desk.leave(CALL, "one")

    with pytest.raises(OutcomeUnknownError, match="one went away with the call in hand"):
        await soon(taken)
    with pytest.raises(CallerAwayError, match="one went away before it took the call"):
        await soon(left)
    assert desk.health() == {"callers": 0, "sessions_served": 0}


@pytest.mark.anyio
async def test_silence_for_longer_than_the_lease_is_a_goodbye() -> None:
    desk = CallerDesk(lease_s=0.05)
    desk.attach(CALL, "one", ("s",))

    with pytest.raises(CallerAwayError):
        await soon(asked(desk))


@pytest.mark.anyio
async def test_a_caller_that_was_taken_for_dead_is_told_so_even_while_it_waits() -> None:
    desk = CallerDesk(lease_s=DEADLINE_S)
    desk.attach(CALL, "one", ("s",))
    taking = asyncio.create_task(desk.take(CALL, "one"))
    await asyncio.sleep(0)
    desk.leave(CALL, "one")
    taking.cancel()

    with pytest.raises(CallerAwayError, match="one is not known here: its lease ran out, or the desk was replaced"):
        await desk.take(CALL, "one")


@pytest.mark.anyio
async def test_a_wait_that_began_before_a_caller_was_taken_for_dead_ends_by_saying_so() -> None:
    desk = CallerDesk(lease_s=0.3)
    desk.attach(CALL, "one", ("s",))
    taking = asyncio.create_task(desk.take(CALL, "one"))
    await asyncio.sleep(0)
    desk.leave(CALL, "one")
    desk.attach(CALL, "one", ("another",))

    with pytest.raises(CallerAwayError):
        await soon(taking)


@pytest.mark.anyio
async def test_who_comes_back_serves_what_nobody_else_serves_by_now() -> None:
    desk = CallerDesk(lease_s=DEADLINE_S)
    desk.attach(CALL, "two", ("s",))

    desk.come_back(CALL, "one", ("s", "t"))

    waiting = [asked(desk), asked(desk, CallContext(session_id="t"))]
    ((for_two,), (for_one,)) = await soon(desk.take(CALL, "two")), await soon(desk.take(CALL, "one"))
    assert (for_two.call.session_id, for_one.call.session_id) == ("s", "t")
    for each in waiting:
        each.cancel()


@pytest.mark.anyio
async def test_whoever_attaches_last_serves() -> None:
    desk = CallerDesk(lease_s=DEADLINE_S)
    desk.attach(CALL, "one", ("s",))
    desk.attach(CALL, "two", ("s",))
    desk.detach(CALL, "one", ("s",))  # too late: it is another's
    waiting = asked(desk)

    (live,) = await soon(desk.take(CALL, "two"))
    desk.complete(CALL, "two", live.number, result_of(live))
    await soon(waiting)
    desk.detach(CALL, "two", ("s",))

    with pytest.raises(CallerAwayError):
        await desk.run_tool(CALL, "look", {}, {})


@pytest.mark.anyio
async def test_a_call_that_is_cancelled_is_not_given_out_any_more() -> None:
    desk = CallerDesk(lease_s=0.3)
    desk.attach(CALL, "one", ("s",))
    waiting = asked(desk)
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert await soon(desk.take(CALL, "one")) == ()
    desk.complete(CALL, "one", 1, ToolResult(call_id="c", tool_name="look", success=True, result=1))  # too late, and dropped


@pytest.mark.anyio
async def test_waiting_for_a_caller_ends_when_its_session_is_served() -> None:
    desk = CallerDesk(lease_s=DEADLINE_S)
    waiting = asyncio.create_task(desk.caller_back(CALL))
    desk.attach(CALL, "one", ("another",))
    await asyncio.sleep(0)
    assert not waiting.done()

    desk.attach(CALL, "one", ("s",))

    await soon(waiting)
    await soon(desk.caller_back(CALL))
