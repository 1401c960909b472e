"""What becomes of messages when their target dies, is replaced, cannot be reached, or runs another version."""

import asyncio

import pytest

from polaris_llm.actors.links import Links
from polaris_llm.actors.messages import WIRE_VERSION, Greeting
from polaris_llm.actors.outbox import FRESH_S
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import (
    ActorUnavailableError,
    OutcomeUnknownError,
    VersionMismatchError,
)
from support.actors import CALL, GREETING, outcome, until
from support.glass_engine import Office, office
from support.instant_loop import run_instantly

pytestmark = pytest.mark.anyio

SHORT = CallContext(remaining_s=0.05)


async def begun(place: Office, *values: object) -> list[asyncio.Task[object]]:
    """Asks that their target holds."""
    tasks = [asyncio.create_task(outcome(place.clerk.ask("hold", CALL, value))) for value in values]
    for value in values:
        await place.clerk.ask("saw", CALL, "begun", value)
    return tasks


async def test_asks_that_were_sent_fail_at_once_as_outcome_unknown() -> None:
    async with office() as place:
        sent = await begun(place, 1, 2, 3)

        await place.engine.stop("clerk")

        for task in sent:
            assert str(await task) == "clerk may or may not have done hold: clerk was stopped"
            assert isinstance(task.result(), OutcomeUnknownError)


async def test_messages_that_were_not_sent_go_to_the_replacement() -> None:
    async with office() as place:
        place.engine.mails_flow.clear()
        sent = asyncio.create_task(outcome(place.clerk.ask("note", CALL, "sent")))
        await until(lambda: len(place.engine.mails) == 1)
        unsent = asyncio.create_task(place.clerk.ask("echo", CALL, "unsent"))
        place.clerk.tell("note", CALL, "unsent too")
        await until(lambda: place.clerk.outstanding == 2)

        await place.engine.stop("clerk")
        place.engine.mails_flow.set()

        assert isinstance(await sent, OutcomeUnknownError)
        assert not unsent.done()
        await place.hire()
        assert await unsent == "unsent"
        assert await place.clerk.ask("diary", CALL) == [("noted", "unsent too")]


async def test_a_target_may_come_later() -> None:
    async with office() as place:
        early = asyncio.create_task(place.links.to("late").ask("echo", CALL, "hello"))
        await until(lambda: place.links.to("late").outstanding == 1)

        await place.hire("late")

        assert await early == "hello"
        await place.engine.stop("late")


async def test_an_ask_of_nobody_is_unavailable_at_its_deadline() -> None:
    async with office() as place:
        with pytest.raises(ActorUnavailableError, match="nobody did not answer echo within"):
            await place.links.to("nobody").ask("echo", SHORT, 1)


async def test_messages_to_nobody_are_given_up_after_the_links_timeout(caplog: pytest.LogCaptureFixture) -> None:
    async with office(timeout_s=0.1) as place:
        place.links.to("nobody").tell("note", CALL, 1)
        with pytest.raises(ActorUnavailableError, match=r"echo was not sent to nobody: no such actor was alive for 0\.1 s"):
            await place.links.to("nobody").ask("echo", CALL, 2)

        assert "note was not sent to nobody" in caplog.text


async def test_watch_returns_when_the_target_dies() -> None:
    async with office() as place:
        watch = asyncio.create_task(place.clerk.watch())
        await place.clerk.ask("echo", CALL, 1)
        assert not watch.done()

        await place.engine.stop("clerk")

        await watch


async def test_watch_returns_when_the_target_cannot_be_found() -> None:
    async with office(timeout_s=0.05) as place:
        await place.links.to("nobody").watch()


async def test_watch_does_not_take_its_own_end_for_a_death() -> None:
    async with office() as place:
        watch = asyncio.create_task(place.clerk.watch())
        await place.clerk.ask("echo", CALL, 1)

        await place.links.close()

        with pytest.raises(OutcomeUnknownError, match="this process closed its links"):
            await watch


async def test_a_link_outlives_any_number_of_deaths() -> None:
    async with office() as place:
        for number in range(10):
            [held] = await begun(place, number)
            await place.engine.stop("clerk")
            assert isinstance(await held, OutcomeUnknownError)
            await place.hire()
            assert await place.clerk.ask("echo", CALL, number) == number


async def test_late_news_of_a_death_harms_no_message_to_the_replacement() -> None:
    async with office() as place:
        [first] = await begun(place, "first")
        await until(lambda: place.engine.collecting == 1)
        place.engine.deaths_are_told.clear()
        await place.engine.stop("clerk")  # the outstanding collect does not say so yet
        assert isinstance(await outcome(place.clerk.ask("echo", CALL, "finds out")), OutcomeUnknownError)
        assert isinstance(await first, OutcomeUnknownError)
        await place.hire()

        [second] = await begun(place, "second")
        place.engine.deaths_are_told.set()
        place.clerk.tell("release", CALL, "second")

        assert await second == "second"


async def test_answers_to_the_dead_never_reach_their_replacement() -> None:
    async with office() as place:
        dead = Links(place.engine, "asker", GREETING)
        lost = asyncio.create_task(outcome(dead.to("clerk").ask("hold", CALL, "for the dead")))
        await place.clerk.ask("saw", CALL, "begun", "for the dead")
        await dead.close()
        replacement = Links(place.engine, "asker", GREETING)
        held = asyncio.create_task(replacement.to("clerk").ask("hold", CALL, "for the living"))
        await place.clerk.ask("saw", CALL, "begun", "for the living")

        for value in ("for the dead", "for the living"):
            place.clerk.tell("release", CALL, value)

        assert await held == "for the living"
        assert isinstance(await lost, OutcomeUnknownError)
        await replacement.close()


@pytest.mark.parametrize("fault", ["mail_fault", "collect_fault"])
async def test_a_defect_of_the_engine_fails_what_was_sent_and_passes(fault: str) -> None:
    async with office() as place:
        setattr(place.engine, fault, RuntimeError("cannot pickle this mail"))
        held = await outcome(place.clerk.ask("hold", CALL, 1))
        assert isinstance(held, OutcomeUnknownError)
        assert "cannot pickle this mail" in held.message

        setattr(place.engine, fault, None)

        assert await place.clerk.ask("echo_async", CALL, 2) == 2


async def test_an_engine_that_cannot_look_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    async with office() as place:
        place.engine.find_fault = ConnectionError("the head node is away")
        with pytest.raises(ActorUnavailableError):
            await place.clerk.ask("echo", SHORT, 1)
        patient = asyncio.create_task(place.clerk.ask("echo", CALL, 2))
        await until(lambda: place.clerk.outstanding == 1)

        place.engine.find_fault = None

        assert await patient == 2
        assert "cannot look for clerk: the head node is away" in caplog.text


async def test_another_version_is_refused_before_anything_is_done(caplog: pytest.LogCaptureFixture) -> None:
    async with office() as place:
        stranger = Links(place.engine, "stranger", Greeting("9.9.9", wire=99))
        stranger.to("clerk").tell("note", CALL, "told by a stranger")
        refusal = (
            rf"clerk runs polaris-llm 1\.2\.3 \(wire {WIRE_VERSION}\), this process 9\.9\.9 \(wire 99\): install the same version on both"
        )

        for _ in range(2):
            with pytest.raises(VersionMismatchError, match=refusal):
                await stranger.to("clerk").ask("note", CALL, "asked by a stranger")

        assert await place.clerk.ask("diary", CALL) == []
        await stranger.close()


def test_what_an_idle_link_sends_after_a_death_goes_to_the_replacement() -> None:
    async def scene() -> None:
        async with office() as place:
            await place.clerk.ask("echo", CALL, "known")
            await place.engine.stop("clerk")
            await asyncio.sleep(2 * FRESH_S)
            place.clerk.tell("note", CALL, "not lost")
            ask = asyncio.create_task(place.clerk.ask("echo", CALL, "not lost either"))
            await asyncio.sleep(1)

            await place.hire()

            assert await ask == "not lost either"
            assert await place.clerk.ask("diary", CALL) == [("noted", "not lost")]

    run_instantly(scene())


def test_time_in_which_a_target_hung_is_not_time_in_which_it_was_gone() -> None:
    async def scene() -> None:
        async with office(timeout_s=2.0) as place:
            place.engine.mails_flow.clear()
            place.clerk.tell("note", CALL, "in the mail that hangs")
            await until(lambda: len(place.engine.mails) == 1)
            unsent = asyncio.create_task(place.clerk.ask("echo", CALL, "unsent"))
            await asyncio.sleep(5)
            await place.engine.stop("clerk")
            place.engine.mails_flow.set()
            await asyncio.sleep(1)

            await place.hire()

            assert await unsent == "unsent"

    run_instantly(scene())
