"""Actors in one process behave as they would in many: they start before they are asked, die at once, and share nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from polaris_llm.actors.engine import ActorGoneError, ActorSpec
from polaris_llm.actors.inline_engine import InlineEngine
from polaris_llm.actors.links import Links
from polaris_llm.actors.messages import Mail
from polaris_llm.core.exceptions import ActorUnavailableError, LLMConfigurationError, OutcomeUnknownError
from support.actors import CALL, GREETING, outcome
from support.instant_loop import run_instantly

pytestmark = pytest.mark.anyio

FIRST = ActorSpec(name="first", factory="support.actors:Clerk")
SLOW = ActorSpec(name="slow", factory="support.actors:SlowStart")


@pytest.fixture
async def links() -> AsyncIterator[Links]:
    """Links to the actors of a pickling engine, where one clerk is in place."""
    async with asyncio.timeout(20):
        engine = InlineEngine(GREETING, pickles=True, timeout_s=5.0)
        await engine.create(FIRST)
        links = Links(engine, "tester", GREETING, timeout_s=5.0)
        yield links
        await links.close()
        for name in ("slow", "first"):
            await engine.stop(name)


async def test_an_actor_is_found_by_its_name_while_it_lives(links: Links) -> None:
    assert await links.engine.find("first") is not None

    await links.engine.stop("first")
    await links.engine.stop("first")

    assert await links.engine.find("first") is None


async def test_creating_what_lives_changes_nothing(links: Links) -> None:
    await links.to("first").ask("note", CALL, "kept")

    await links.engine.create(FIRST)

    assert await links.to("first").ask("diary", CALL) == [("noted", "kept")]


async def test_a_replacement_starts_afresh(links: Links) -> None:
    await links.to("first").ask("note", CALL, "forgotten")
    await links.engine.stop("first")

    await links.engine.create(FIRST)

    assert await Links(links.engine, "another", GREETING).to("first").ask("diary", CALL) == []


async def test_nobody_is_answered_before_the_actor_has_started(links: Links) -> None:
    creations = [asyncio.create_task(links.engine.create(SLOW)) for _ in range(2)]
    early = asyncio.create_task(links.to("slow").ask("diary", CALL))
    await links.to("first").ask("saw", CALL, "begun", "start")
    assert not early.done()
    assert not any(creation.done() for creation in creations)

    links.to("first").tell("release", CALL, "start")

    assert await early == [("started", "start")]
    await asyncio.gather(*creations)


@pytest.mark.parametrize(
    ("error", "raised", "told"),
    [
        (LLMConfigurationError("no such model"), LLMConfigurationError, "no such model"),
        (KeyError("name"), ActorGoneError, "broken did not start: 'name'"),
    ],
)
async def test_an_actor_that_cannot_start_is_not_there(links: Links, error: Exception, raised: type[Exception], told: str) -> None:
    with pytest.raises(raised, match=told):
        await links.engine.create(ActorSpec(name="broken", factory="support.actors:BrokenStart", arguments={"error": error}))

    assert await links.engine.find("broken") is None


@pytest.mark.parametrize("factory", ["support.nowhere:Clerk", "support.actors:Nobody", "support.actors:BrokenStart"])
async def test_an_actor_that_cannot_be_built_is_not_there(links: Links, factory: str) -> None:
    with pytest.raises(ActorGoneError, match="broken did not start"):
        await links.engine.create(ActorSpec(name="broken", factory=factory))

    assert await links.engine.find("broken") is None


async def test_stopping_an_actor_while_it_starts_fails_its_creation_and_leaves_its_messages_to_the_next(links: Links) -> None:
    creation = asyncio.create_task(links.engine.create(SLOW))
    early = asyncio.create_task(links.to("slow").ask("echo", CALL, 1))
    await links.to("first").ask("saw", CALL, "begun", "start")

    await links.engine.stop("slow")

    with pytest.raises(ActorGoneError, match="slow was stopped"):
        await creation
    assert await links.to("first").ask("saw", CALL, "cancelled", "start")
    links.to("first").tell("release", CALL, "start")
    await links.engine.create(SLOW)
    assert await early == 1


async def test_mail_to_the_dead_does_nothing(links: Links) -> None:
    address = await links.engine.find("first")
    assert address is not None
    await links.engine.stop("first")

    with pytest.raises(ActorGoneError, match="first was stopped"):
        await address.mail(Mail("tester", None, []))
    with pytest.raises(ActorGoneError, match="first was stopped"):
        await address.collect("tester", 5.0)


async def test_what_a_stopped_actor_asked_of_others_is_cancelled(links: Links) -> None:
    await links.engine.create(ActorSpec(name="slow", factory="support.actors:Clerk"))
    ghost = asyncio.create_task(outcome(links.to("slow").ask("ask_on", CALL, "first", "hold", "haunted")))
    await links.to("first").ask("saw", CALL, "begun", "haunted")

    await links.engine.stop("slow")

    assert isinstance(await ghost, OutcomeUnknownError)
    assert await links.to("first").ask("saw", CALL, "cancelled", "haunted")


async def test_an_actor_may_stop_itself() -> None:
    engine = InlineEngine(GREETING)
    await engine.create(FIRST)
    links = Links(engine, "tester", GREETING)
    diary = await links.to("first").ask("diary", CALL)

    assert isinstance(await outcome(links.to("first").ask("stop_actor", CALL, "first")), OutcomeUnknownError)

    assert await engine.find("first") is None
    assert diary == [("stopped", None)]
    await links.close()


async def test_what_a_stopped_actor_leaves_running_can_ask_nobody() -> None:
    engine = InlineEngine(GREETING)
    await engine.create(FIRST)
    links = Links(engine, "tester", GREETING)
    its_links = await links.to("first").ask("links", CALL)
    await engine.stop("first")

    with pytest.raises(ActorUnavailableError, match="this process closed its links"):
        await its_links.to("first").ask("echo", CALL, 1)

    await links.close()


def test_nothing_runs_on_when_all_is_closed() -> None:
    async def scene() -> None:
        engine = InlineEngine(GREETING)
        await engine.create(FIRST)
        links = Links(engine, "tester", GREETING)
        held = asyncio.create_task(outcome(links.to("first").ask("hold", CALL, 1)))
        await links.to("first").ask("saw", CALL, "begun", 1)
        await asyncio.sleep(1)  # by now a collect is outstanding

        await links.close()
        await engine.stop("first")
        await held

        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_instantly(scene())


async def test_arguments_that_cannot_be_pickled_are_refused_where_everything_is_pickled(links: Links) -> None:
    spec = ActorSpec(name="broken", factory="support.actors:BrokenStart", arguments={"error": lambda: None})

    with pytest.raises((AttributeError, TypeError), match="pickle"):
        await links.engine.create(spec)

    assert await links.engine.find("broken") is None


@pytest.mark.parametrize("pickles", [True, False])
async def test_values_are_shared_only_without_pickling(pickles: bool) -> None:
    engine = InlineEngine(GREETING, pickles=pickles)
    await engine.create(FIRST)
    links = Links(engine, "tester", GREETING)
    value = ["a list"]

    answer = await links.to("first").ask("echo", CALL, value)

    assert answer == value
    assert (answer is value) is not pickles
    await links.close()
    await engine.stop("first")
