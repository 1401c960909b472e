"""The receiving end of messages alone: deadlines, cancelling, room, versions, callers that die, and the end."""

import asyncio

import pytest

from polaris_llm.actors.engine import ActorGoneError, ActorSpec
from polaris_llm.actors.inline_engine import InlineEngine
from polaris_llm.actors.mailbox import HEALTH, WATCH, Mailbox
from polaris_llm.actors.messages import LARGE_BYTES, Greeting, Mail
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import DeadlineExceededError, OverloadedError, UnexpectedError
from support.actors import CALL, GREETING, alive
from support.callers import SOON, caller, values_of
from support.instant_loop import run_instantly

pytestmark = pytest.mark.anyio

SHORT = CallContext(remaining_s=0.02)


async def test_the_callee_ends_work_at_its_deadline() -> None:
    one = caller()

    await one.ask(1, "hold", "forever", call=SHORT)
    late = await one.answer(1)

    assert isinstance(late, DeadlineExceededError)
    assert late.message == "hold did not end within 0.02 s"
    assert await one.answer_to(2, "saw", "cancelled", "forever")


@pytest.mark.parametrize("remaining_s", [None, 10.0])
async def test_a_timeout_of_the_actors_own_is_not_the_deadline(remaining_s: float | None) -> None:
    one = caller()

    answers = await one.ask(1, "fail_async", TimeoutError("the database is slow"), call=CallContext(remaining_s=remaining_s))

    assert isinstance(answers[1], UnexpectedError)
    assert answers[1].message == "TimeoutError: the database is slow"


async def test_work_that_is_cancelled_by_nobody_is_an_error() -> None:
    one = caller()

    answers = await one.ask(1, "give_up")

    assert isinstance(answers[1], UnexpectedError)
    assert answers[1].message == "clerk cancelled give_up itself"


async def test_cancelled_asks_end_unanswered_and_unknown_numbers_are_ignored() -> None:
    one = caller()
    await one.mail(one.message(1, "hold", 1), one.message(2, "hold", 2))

    await one.mail(cancelled=(1, 77))

    assert await one.answer_to(3, "saw", "cancelled", 1)
    await one.release(1, 2)
    assert await one.collect() == {2: 2}


async def test_a_caller_can_cancel_its_own_asks_alone() -> None:
    one = caller()
    another = one.other("another#2")
    await one.ask(1, "hold", "one")
    await another.ask(1, "hold", "another")

    await another.mail(cancelled=(1,))
    await another.release("one")

    assert await one.collect() == {1: "one"}


async def test_the_same_numbers_of_two_callers_are_two_asks() -> None:
    one = caller()
    another = one.other("another#2")
    await one.ask(1, "hold", "one")
    await another.ask(1, "hold", "another")

    await one.other("third#3").release("another", "one")

    assert await another.collect() == {1: "another"}
    assert await one.collect() == {1: "one"}


async def test_a_full_actor_refuses_with_a_hint() -> None:
    one = caller(capacity=2)

    answers = await one.mail(*(one.message(number, "hold", number) for number in (1, 2, 3)), one.message(4, "fill", 1))
    await one.mail(cancelled=(1, 2))

    for refused in (answers[3], answers[4]):
        assert isinstance(refused, OverloadedError)
        assert refused.retry_after == 0.05
        assert refused.actor == "clerk"
    assert await one.answer_to(5, "echo", "room again") == "room again"


async def test_large_messages_need_room_before_they_are_loaded() -> None:
    one = caller(capacity=1)
    one.engine.loads_flow.clear()
    large = bytes(LARGE_BYTES)

    answers = await one.mail(one.message(1, "note", large), one.message(2, "note", large))

    assert isinstance(answers[2], OverloadedError)
    one.engine.loads_flow.set()
    assert await one.collect() == {1: None}


async def test_tells_take_room_too_and_their_failures_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    one = caller(capacity=1)

    await one.mail(one.message(None, "hold", "a tell"), one.message(None, "note", "another"))

    assert isinstance(await one.answer_to(1, "echo", 1), OverloadedError)
    assert "clerk: note failed: clerk has 1 messages in hand, its capacity" in caplog.text


async def test_a_full_actor_can_be_watched_and_asked_for_its_health() -> None:
    one = caller(capacity=1)
    await one.ask(5, "echo", 5)
    await one.mail(one.message(1, WATCH), one.message(2, WATCH), one.message(3, "hold", 3))

    answers = await one.ask(4, HEALTH)

    assert answers.keys() == {4}
    facts = {"name": "clerk", "in_hand": 1, "served": 1, "mood": "good"}
    assert facts.items() <= answers[4].items()


async def test_a_first_mail_is_answered_with_the_versions() -> None:
    one = caller()

    reply = await one.mailbox.mail(Mail(one.name, GREETING, [one.message(1, "echo", 1)]))

    assert reply.greeting == GREETING
    assert values_of(reply.blobs) == {1: 1}


@pytest.mark.parametrize("greeting", [Greeting("9.9.9"), Greeting(GREETING.package, wire=99)])
async def test_nothing_is_done_for_another_version(greeting: Greeting) -> None:
    one = caller()

    reply = await one.mailbox.mail(Mail(one.name, greeting, [one.message(1, "note", "x"), one.message(None, "note", "y")]))

    assert reply.greeting == GREETING
    assert reply.blobs == []
    assert one.clerk.diary(CALL) == []


async def test_a_caller_that_stops_collecting_is_dropped_and_its_asks_are_cancelled() -> None:
    one = caller(lease_s=0.04)
    gone = one.other("gone#2")
    await gone.mail(gone.message(1, "hold", "an ask"), gone.message(None, "hold", "a tell"))

    assert await one.answer_to(1, "saw", "cancelled", "an ask")

    assert (await one.ask(2, HEALTH))[2]["in_hand"] == 1
    assert ("cancelled", "a tell") not in one.clerk.diary(CALL)


def test_callers_that_came_once_leave_nothing_behind() -> None:
    async def scene() -> None:
        before = alive("Sender")
        one = caller(lease_s=30.0)
        for number in range(5):
            await one.other(f"passer-by#{number}").ask(1, "echo", 1)

        await asyncio.sleep(60)

        assert alive("Sender") == before

    run_instantly(scene())


async def test_a_caller_that_collects_is_alive_however_long_it_waits() -> None:
    one = caller(lease_s=0.02)
    await one.ask(1, "hold", "patience")

    assert await one.collect(wait_s=0.1) == {}
    await one.other("another#2").release("patience")

    assert await one.collect() == {1: "patience"}


async def test_closing_cancels_what_is_in_hand_and_then_stops_the_actor() -> None:
    one = caller()
    await one.mail(one.message(1, "hold", 1), one.message(None, "hold", 2))

    await asyncio.wait_for(one.mailbox.close(), SOON)

    assert one.clerk.diary(CALL) == [("begun", 1), ("begun", 2), ("cancelled", 1), ("cancelled", 2), ("stopped", None)]


async def test_closing_right_after_a_mail_leaves_no_coroutine_that_never_ran() -> None:
    one = caller()
    mail = asyncio.create_task(one.mailbox.mail(Mail(one.name, None, [one.message(1, "hold", 1)])))
    await asyncio.sleep(0)  # the mail is read, and what it asks for has not begun

    await one.mailbox.close()
    await mail

    assert one.clerk.diary(CALL) == [("stopped", None)]


@pytest.mark.anyio
async def test_a_caller_that_was_taken_for_dead_is_told_so_when_it_collects() -> None:
    box = Mailbox(object(), ActorSpec(name="box", factory="unused:unused"), InlineEngine(GREETING), GREETING)

    with pytest.raises(ActorGoneError, match="box took somebody for dead"):
        await box.collect("somebody", 1.0)
