"""What a runtime tells of its sessions without waiting: a list of them, and the log of one as it is now."""

import pytest

from polaris_llm.actors.journal import JournalActor
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.events import RunStarted
from polaris_llm.core.exceptions import UnknownSessionError
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.session_summaries import MAX_LISTED
from polaris_llm.core.storage.event_log import to_line
from support.runtime_access import new_id, started
from support.runtime_model import answer, call, plan
from support.runtime_tools import GATES

pytestmark = pytest.mark.anyio


async def test_the_sessions_that_were_submitted_last_are_listed_first() -> None:
    async with started() as runtime:
        for number in range(3):
            session = await runtime.asubmit(plan(answer(f"done {number}")))
            await session.aresult()

        newest = await runtime.asessions(2)

    assert [summary.objective for summary in newest] == [plan(answer("done 2")), plan(answer("done 1"))]
    assert {summary.status for summary in newest} == {"completed"}


async def test_only_those_under_way_are_listed_when_asked_for() -> None:
    gate = new_id()
    async with started() as runtime:
        await (await runtime.asubmit(plan(answer("done")))).aresult()
        waiting = await runtime.asubmit(plan(call("wait_at", gate=gate), answer("done")), tools=["wait_at"])

        (summary,) = await runtime.asessions(only_open=True)
        GATES[gate].open()

    assert (summary.session_id, summary.status) == (waiting.session_id, "running")


async def test_the_log_is_what_has_happened_so_far() -> None:
    gate = new_id()
    async with started() as runtime:
        session = await runtime.asubmit(plan(call("wait_at", gate=gate), answer("done")), tools=["wait_at"])
        assert [event.kind for event in await session.alog()][:1] == ["run_started"]
        GATES[gate].open()
        await session.aresult()

        assert [event.kind for event in await session.alog(after=1)] == [
            "model_responded",
            "tool_completed",
            "model_responded",
            "run_ended",
        ]
        assert await session.alog(after=99) == ()


async def test_the_log_of_an_unknown_session_is_an_error() -> None:
    async with started() as runtime:
        with pytest.raises(UnknownSessionError, match="no session 'nobody'"):
            await runtime.session("nobody").alog()


async def test_a_list_has_an_end_however_many_are_asked_for() -> None:
    journal = JournalActor(max_sessions=10_000, max_bytes=10_000_000)
    line = to_line(RunStarted(run_id="r", spec=RunSpec(objective="hello"), at=1.0))
    for number in range(MAX_LISTED + 5):
        journal.append(CallContext(), f"s{number}", 0, (line,))

    listed = await journal.newest(CallContext(), 10_000, False)

    assert [listed[0].session_id, len(listed)] == [f"s{MAX_LISTED + 4}", MAX_LISTED]
