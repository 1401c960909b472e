"""Deadlines, cancelling, overload and closing, as an asker sees them; and that nothing of an ask is left behind."""

import asyncio

import pytest

from polaris_llm.actors.mailbox import HEALTH
from polaris_llm.actors.messages import LARGE_BYTES
from polaris_llm.actors.outbox import MAX_QUEUED
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import (
    ActorUnavailableError,
    DeadlineExceededError,
    LLMRateLimitError,
    OutcomeUnknownError,
    OverloadedError,
)
from support.actors import CALL, alive, outcome, until
from support.glass_engine import office

pytestmark = pytest.mark.anyio

SHORT = CallContext(remaining_s=0.05)


async def test_a_deadline_fails_the_asker_and_stops_the_work() -> None:
    async with office() as place:
        with pytest.raises(DeadlineExceededError, match=r"clerk did not answer hold within 0\.05 s"):
            await place.clerk.ask("hold", SHORT, 1)

        assert await place.clerk.ask("saw", CALL, "cancelled", 1)


async def test_a_deadline_holds_though_the_target_hangs_and_the_work_never_begins() -> None:
    async with office() as place:
        place.engine.mails_flow.clear()
        place.clerk.tell("note", CALL, "in the mail that hangs")
        await until(lambda: len(place.engine.mails) == 1)

        with pytest.raises(DeadlineExceededError):
            await place.clerk.ask("note", SHORT, "too late")
        place.engine.mails_flow.set()

        assert await place.clerk.ask("diary", CALL) == [("noted", "in the mail that hangs")]


@pytest.mark.parametrize("remaining_s", [0.0, -1.0])
async def test_an_ask_whose_time_is_over_fails_at_once(remaining_s: float) -> None:
    async with office() as place:
        with pytest.raises(DeadlineExceededError):
            await place.clerk.ask("hold", CallContext(remaining_s=remaining_s), 1)


async def test_cancelling_the_asker_cancels_the_work() -> None:
    async with office() as place:
        asker = asyncio.create_task(place.clerk.ask("hold", CALL, 1))
        await place.clerk.ask("saw", CALL, "begun", 1)

        asker.cancel()

        assert await place.clerk.ask("saw", CALL, "cancelled", 1)
        assert asker.cancelled()


async def test_cancelling_an_asker_before_its_message_left_spares_the_target_the_message() -> None:
    async with office() as place:
        place.engine.mails_flow.clear()
        first = asyncio.create_task(place.clerk.ask("echo", CALL, "first"))
        await until(lambda: len(place.engine.mails) == 1)
        waiting = asyncio.create_task(place.clerk.ask("note", CALL, "never"))
        await until(lambda: place.clerk.outstanding == 2)

        waiting.cancel()
        place.engine.mails_flow.set()

        assert await first == "first"
        assert await place.clerk.ask("diary", CALL) == []


async def test_a_large_answer_that_nobody_waits_for_is_not_loaded() -> None:
    async with office() as place:
        place.engine.mails_flow.clear()
        asker = asyncio.create_task(place.clerk.ask("fill", CALL, 2 * LARGE_BYTES))
        await until(lambda: len(place.engine.mails) == 1)

        asker.cancel()
        place.engine.mails_flow.set()

        assert await place.clerk.ask("echo", CALL, 1) == 1
        assert place.engine.loads == 0


async def test_a_full_actor_makes_the_asker_wait_until_there_is_room() -> None:
    async with office(capacity=1) as place, asyncio.TaskGroup() as asks:
        first = asks.create_task(place.clerk.ask("hold", CALL, 1))
        await until(lambda: len(place.engine.mails) == 1)
        second = asks.create_task(place.clerk.ask("context", CALL))
        await until(lambda: len(place.engine.mails) == 3)  # refused once, and tried again

        assert not second.done()
        first.cancel()
        assert (await second).remaining_s < 10.0  # the rest of its time


async def test_a_full_actor_is_an_overload_at_the_askers_deadline() -> None:
    async with office(capacity=1) as place, asyncio.TaskGroup() as asks:
        holder = asks.create_task(place.clerk.ask("hold", CALL, 1))
        await until(lambda: len(place.engine.mails) == 1)

        with pytest.raises(OverloadedError, match="clerk has 1 messages in hand, its capacity") as raised:
            await place.clerk.ask("echo", CallContext(remaining_s=0.2), 2)

        assert raised.value.retry_after == 0.05
        holder.cancel()


async def test_pauses_between_tries_at_a_full_actor_grow() -> None:
    async with office(capacity=1) as place, asyncio.TaskGroup() as asks:
        holder = asks.create_task(place.clerk.ask("hold", CALL, 1))
        await until(lambda: len(place.engine.mails) == 1)

        with pytest.raises(OverloadedError):
            await place.clerk.ask("echo", CallContext(remaining_s=0.7), 2)

        tries = len(place.engine.mails) - 1
        assert tries == 4  # after 0, 0.05, 0.15 and 0.35 s
        holder.cancel()


async def test_the_queue_to_a_target_that_takes_nothing_is_bounded() -> None:
    async with office(pickles=False) as place:
        place.engine.mails_flow.clear()
        place.clerk.tell("note", CALL, 0)
        await until(lambda: len(place.engine.mails) == 1)
        for number in range(MAX_QUEUED):
            place.clerk.tell("echo", CALL, number)

        with pytest.raises(OverloadedError, match="20000 messages wait to be sent to clerk"):
            place.clerk.tell("echo", CALL, "one too many")
        with pytest.raises(OverloadedError):
            await place.clerk.ask("echo", SHORT, "one too many")

        patient = asyncio.create_task(place.clerk.ask("echo", CALL, "there will be room"))
        place.engine.mails_flow.set()
        assert await patient == "there will be room"


async def test_closing_fails_what_is_outstanding_and_refuses_the_rest() -> None:
    async with office() as place:
        sent = asyncio.create_task(outcome(place.clerk.ask("hold", CALL, 1)))
        await place.clerk.ask("saw", CALL, "begun", 1)
        place.engine.mails_flow.clear()
        mails = len(place.engine.mails)
        place.clerk.tell("note", CALL, "in the mail that hangs")
        await until(lambda: len(place.engine.mails) > mails)
        unsent = asyncio.create_task(outcome(place.clerk.ask("echo", CALL, 2)))
        await until(lambda: place.clerk.outstanding == 2)

        await place.links.close()

        assert isinstance(await sent, OutcomeUnknownError)
        assert isinstance(await unsent, ActorUnavailableError)
        for link in (place.clerk, place.links.to("clerk"), place.links.to("another")):
            with pytest.raises(ActorUnavailableError, match="this process closed its links"):
                await link.ask("echo", CALL, 3)


async def test_nothing_is_left_of_asks_however_they_ended() -> None:
    async with office(capacity=100) as place:
        kinds = ("Pending", "Message", "Answer", "Work")
        before = alive(*kinds)
        cancelled = [asyncio.create_task(place.clerk.ask("hold", CALL, number)) for number in range(20)]
        await place.clerk.ask("saw", CALL, "begun", 19)
        for task in cancelled:
            task.cancel()
        await asyncio.wait(cancelled)
        del cancelled, task
        for _ in range(5):
            await asyncio.gather(
                *(place.clerk.ask("echo", CALL, number) for number in range(100)),
                *(place.clerk.ask("echo_async", CALL, number) for number in range(50)),
                *(outcome(place.clerk.ask("fail", CALL, LLMRateLimitError("slow down"))) for number in range(100)),
                *(outcome(place.clerk.ask("hold", SHORT, number)) for number in range(20)),
                *(place.clerk.ask("fill", CALL, 2 * LARGE_BYTES) for _ in range(3)),
            )
        assert place.clerk.outstanding == 0
        while (await place.clerk.ask(HEALTH, CALL))["in_hand"]:
            await asyncio.sleep(0)

        await asyncio.sleep(0)  # the loop itself holds the future that woke this task
        assert alive(*kinds) == before
