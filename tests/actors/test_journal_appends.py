"""What sessions of one process append to the journal travels together, and each append has an outcome of its own."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from polaris_llm.actors.journal import MAX_BATCH_CHARS, JournalActor, JournalHandle
from polaris_llm.actors.links import Link
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.events import RunEnded, RunStarted
from polaris_llm.core.exceptions import JournalConflictError, OverloadedError
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.storage.event_log import to_line
from support.runtime_tools import DEADLINE_S

CALL = CallContext()
STARTED = RunStarted(run_id="r", spec=RunSpec(objective="hello"), at=1.0)
ENDED = RunEnded(run_id="r", status="completed", at=3.0, result="done")


def journal_with_one() -> JournalActor:
    """A journal that holds the session "s"."""
    journal = JournalActor(max_sessions=10, max_bytes=100_000)
    journal.append(CALL, "s", 0, (to_line(STARTED),))
    return journal


class CountingLink:
    """A link to a journal actor that counts messages."""

    def __init__(self, journal: JournalActor, timeout_s: float = DEADLINE_S) -> None:
        self.journal = journal
        self.timeout_s = timeout_s
        self.sent = 0

    async def ask(self, method: str, call: CallContext, *arguments: Any) -> Any:
        """The method's answer, a little later."""
        self.sent += 1
        await asyncio.sleep(0)
        return getattr(self.journal, method)(call, *arguments)


@pytest.mark.anyio
async def test_what_many_sessions_append_goes_as_few_messages() -> None:
    link = CountingLink(JournalActor(100, 1_000_000))
    handle = JournalHandle(cast(Link, link))

    await asyncio.gather(*(handle.append(f"s{number}", 0, [STARTED]) for number in range(50)))

    assert link.sent == 1
    assert len(link.journal.session_ids(CALL)) == 50


@pytest.mark.anyio
async def test_an_append_that_fails_holds_back_no_other() -> None:
    handle = JournalHandle(cast(Link, CountingLink(journal_with_one())))

    lost, kept = await asyncio.gather(handle.append("s", 0, [STARTED]), handle.append("t", 0, [STARTED]), return_exceptions=True)

    assert isinstance(lost, JournalConflictError)
    assert kept is None
    assert await handle.read("t") == (STARTED,)


@pytest.mark.anyio
async def test_an_append_that_was_given_up_before_it_was_sent_is_never_made() -> None:
    link = CountingLink(JournalActor(100, 1_000_000))
    handle = JournalHandle(cast(Link, link))
    first = asyncio.create_task(handle.append("s", 0, [STARTED]))
    await asyncio.sleep(0)  # it is begun,
    await asyncio.sleep(0)  # and on its way
    given_up = asyncio.create_task(handle.append("t", 0, [STARTED]))
    await asyncio.sleep(0)

    given_up.cancel()
    await first
    await handle.append("u", 0, [STARTED])

    assert link.journal.session_ids(CALL) == ("s", "u")


@pytest.mark.anyio
async def test_large_appends_do_not_go_as_one_message() -> None:
    link = CountingLink(JournalActor(100, 10_000_000))
    handle = JournalHandle(cast(Link, link))
    large = replace(STARTED, spec=replace(STARTED.spec, objective="x" * MAX_BATCH_CHARS))

    await asyncio.gather(*(handle.append(f"s{number}", 0, [large]) for number in range(3)))

    assert link.sent == 3


@pytest.mark.anyio
async def test_an_append_waits_for_room_but_not_for_ever() -> None:
    link = CountingLink(JournalActor(1, 1_000_000), timeout_s=0.0)
    handle = JournalHandle(cast(Link, link))
    await handle.append("s", 0, [STARTED])

    with pytest.raises(OverloadedError, match="the journal is full"):
        await handle.append("t", 0, [STARTED])

    link.timeout_s = DEADLINE_S
    waiting = asyncio.create_task(handle.append("t", 0, [STARTED]))
    await asyncio.sleep(0)
    await handle.append("s", 1, [ENDED])
    await asyncio.wait_for(waiting, DEADLINE_S)
    assert link.journal.session_ids(CALL) == ("t",)
