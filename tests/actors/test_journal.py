"""The journal actor: appends by compare-and-set, readers that follow, and handles that know what a death may have kept."""

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import pytest

from polaris_llm.actors.journal import JournalActor, JournalHandle
from polaris_llm.actors.links import Link
from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.events import Event, MessageReceived, RunEnded, RunStarted
from polaris_llm.core.exceptions import JournalConflictError, OutcomeUnknownError, OverloadedError, UnknownSessionError
from polaris_llm.core.parts import text_message
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.storage.event_log import to_line
from support.runtime_access import kill, names_of, new_id, started
from support.runtime_model import answer, call, plan
from support.runtime_tools import DEADLINE_S, GATES

CALL = CallContext()
STARTED = RunStarted(run_id="r", spec=RunSpec(objective="hello"), at=1.0)
SAID = MessageReceived(message=text_message("user", "and now"), at=2.0)
ENDED = RunEnded(run_id="r", status="completed", at=3.0, result="done")
RUN: tuple[Event, ...] = (STARTED, SAID, ENDED)
LINES = tuple(to_line(event) for event in RUN)


def journal_of(*events: Event) -> JournalActor:
    """A journal that holds the session "s"."""
    journal = JournalActor(max_sessions=10, max_bytes=100_000)
    if events:
        journal.append(CALL, "s", 0, tuple(to_line(event) for event in events))
    return journal


async def soon(work: Coroutine[Any, Any, Any]) -> Any:
    return await asyncio.wait_for(work, DEADLINE_S)


def test_a_second_writer_loses_and_learns_how_long_the_log_is() -> None:
    journal = journal_of(STARTED)
    assert journal.append(CALL, "s", 1, (to_line(SAID),)) == 2

    with pytest.raises(JournalConflictError) as conflict:
        journal.append(CALL, "s", 1, (to_line(ENDED),))

    assert conflict.value.actual_seq == 2


def test_what_was_written_is_read_after_any_number() -> None:
    assert [journal_of(*RUN).read(CALL, "s", after) for after in range(4)] == [LINES[after:] for after in range(4)]
    assert journal_of(*RUN).read(CALL, "unknown", 0) == ()


@pytest.mark.anyio
async def test_followers_wait_for_more_and_end_with_the_run() -> None:
    journal = journal_of(STARTED)
    followers = [asyncio.create_task(journal.follow(CALL, "s", 1)) for _ in range(2)]
    last = asyncio.create_task(journal.last_run(CALL, "s"))
    await asyncio.sleep(0)
    assert not any(task.done() for task in (*followers, last))

    journal.append(CALL, "s", 1, (to_line(SAID), to_line(ENDED)))

    assert [await soon(cast(Any, follower)) for follower in followers] == [(to_line(SAID), to_line(ENDED))] * 2
    assert await soon(cast(Any, last)) == to_line(ENDED)
    assert await soon(journal.follow(CALL, "s", 3)) == ()


@pytest.mark.anyio
async def test_a_follower_that_gives_up_is_forgotten() -> None:
    journal = journal_of(STARTED)
    following = asyncio.create_task(journal.follow(CALL, "s", 1))
    await asyncio.sleep(0)
    assert journal.health()["followed"] == 1

    following.cancel()
    await asyncio.gather(following, return_exceptions=True)

    assert journal.health()["followed"] == 0


@pytest.mark.anyio
async def test_an_unknown_session_cannot_be_followed() -> None:
    for read in (journal_of().follow(CALL, "unknown", 0), journal_of().last_run(CALL, "unknown")):
        with pytest.raises(UnknownSessionError, match="no session 'unknown': it was never submitted, or its log was dropped"):
            await soon(read)


def test_the_journal_knows_what_is_open() -> None:
    journal = journal_of(STARTED)
    assert (journal.open_sessions(CALL), journal.health()) == (("s",), {"sessions": 1, "open": 1, "followed": 0})

    journal.append(CALL, "s", 1, (to_line(ENDED),))

    assert (journal.open_sessions(CALL), journal.session_ids(CALL)) == ((), ("s",))
    assert (journal.is_known(CALL, "s"), journal.is_known(CALL, "t")) == (True, False)


class DyingLink:
    """A link to a journal actor that dies while it has the first message in hand, before or after it acted on it."""

    def __init__(self, journal: JournalActor, *, acted: bool) -> None:
        self._journal = journal
        self._acted = acted
        self._died = False
        self.timeout_s = DEADLINE_S

    async def ask(self, method: str, call: CallContext, *arguments: Any) -> Any:
        """The method's answer; the first time an OutcomeUnknownError."""
        dies, self._died = not self._died, True
        if not dies or self._acted:
            value = getattr(self._journal, method)(call, *arguments)
            answer = await value if asyncio.iscoroutine(value) else value
        if dies:
            raise OutcomeUnknownError("journal may or may not have done it")
        return answer


def handle_over(journal: JournalActor, *, acted: bool) -> JournalHandle:
    return JournalHandle(cast(Link, DyingLink(journal, acted=acted)))


@pytest.mark.anyio
@pytest.mark.parametrize("acted", [True, False])
async def test_an_append_whose_outcome_is_unknown_is_kept_exactly_once(acted: bool) -> None:
    journal = journal_of(STARTED)

    await handle_over(journal, acted=acted).append("s", 1, [SAID, ENDED])

    assert journal.read(CALL, "s", 0) == LINES


@pytest.mark.anyio
async def test_an_append_that_lost_against_another_writer_is_not_taken_for_kept() -> None:
    journal = journal_of(STARTED, SAID, SAID)

    with pytest.raises(JournalConflictError):
        await handle_over(journal, acted=False).append("s", 1, [ENDED])


@pytest.mark.anyio
async def test_reading_is_simply_repeated() -> None:
    journal = journal_of(*RUN)

    assert await handle_over(journal, acted=False).read("s") == RUN
    assert (await handle_over(journal, acted=False).outcome("s", DEADLINE_S)).result == "done"
    assert [event async for event in handle_over(journal, acted=False).follow("s", 1, DEADLINE_S)] == [SAID, ENDED]
    assert await handle_over(journal, acted=False).session_ids() == ("s",)


def test_a_journal_that_dies_takes_its_sessions_along_and_says_so() -> None:
    gate = new_id()
    with started() as runtime:
        done = runtime.submit("hello")
        done.result(DEADLINE_S)
        session = runtime.submit(plan(call("wait_at", gate=gate), answer("done")), tools=["wait_at"])
        GATES[gate].await_arrival()

        kill(runtime, names_of(runtime).journal)
        GATES[gate].open()

        for lost in (done, session):
            with pytest.raises(UnknownSessionError, match="its log was dropped"):
                lost.result(DEADLINE_S)
        assert runtime.submit("hello again").result(DEADLINE_S).ok


def small_journal() -> LLMRuntime:
    return started(runtime={"journal_max_sessions": 2, "ask_timeout_s": 0.3})


def test_logs_of_sessions_that_ended_make_room_for_new_ones() -> None:
    with small_journal() as runtime:
        first = runtime.submit("the first")
        assert first.result(DEADLINE_S).ok
        others = [runtime.submit("another").result(DEADLINE_S) for _ in range(2)]

        assert [outcome.ok for outcome in others] == [True, True]
        with pytest.raises(UnknownSessionError):
            first.result(DEADLINE_S)


def test_a_journal_full_of_open_sessions_refuses_new_ones() -> None:
    gate = new_id()
    with small_journal() as runtime:
        for _ in range(2):
            runtime.submit(plan(call("wait_at", gate=gate)), tools=["wait_at"])

        with pytest.raises(OverloadedError, match="the journal is full"):
            runtime.submit("one more")
