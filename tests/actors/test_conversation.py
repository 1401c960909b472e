"""A conversation host as a plain object: it is bounded, comes back from the journal, and one writer is left."""

import asyncio
from collections.abc import Sequence

import pytest

from polaris_llm.actors.conversation import ConversationHost, Submission
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.driver import Ports
from polaris_llm.core.events import Event, RunEnded
from polaris_llm.core.exceptions import JournalConflictError, LLMConfigurationError, OverloadedError, SessionError
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.storage.memory_journal import MemoryJournal
from polaris_llm.core.tool_registry import ToolRegistry
from support.model_requests import ScriptedModel, a_response
from support.runtime_tools import DEADLINE_S

CALL = CallContext(session_id="s")
SUBMISSION = Submission(session_id="s", run_id="s.1", spec=RunSpec(objective="hello", model="a-model"))


class Hosting:
    """A host as a plain object, over a journal that outlives it."""

    def __init__(self, *, max_sessions: int = 10) -> None:
        self.journal = MemoryJournal()
        self.model = ScriptedModel(a_response("Hello."))
        self.max_sessions = max_sessions
        self.open: list[str] = []

    def host(self) -> ConversationHost:
        """A new incarnation."""
        return ConversationHost(self.journal, self._ports, self._open_sessions, max_sessions=self.max_sessions)

    async def finished(self, session_id: str = "s") -> list[str]:
        """The kinds of the log's events once the run is over."""
        async with asyncio.timeout(DEADLINE_S):
            while not isinstance((events := await self.journal.read(session_id))[-1], RunEnded):
                await asyncio.sleep(0)
        return [event.kind for event in events]

    def _ports(self, spec: RunSpec) -> Ports:
        if spec.provider != "default":
            raise LLMConfigurationError(f"unknown provider {spec.provider!r}")
        return Ports(model=self.model, tools=ToolRegistry(), journal=self.journal)

    async def _open_sessions(self) -> list[str]:
        return self.open


@pytest.mark.anyio
async def test_an_accepted_submission_is_in_the_journal() -> None:
    hosting = Hosting()
    host = hosting.host()

    await host.submit(CALL, SUBMISSION)

    assert [event.kind for event in await hosting.journal.read("s")] == ["run_started"]
    await host.stop()


@pytest.mark.anyio
async def test_a_new_incarnation_goes_on_with_the_runs_of_the_old_one() -> None:
    hosting = Hosting()
    first = hosting.host()
    await first.submit(CALL, SUBMISSION)
    await first.stop()
    assert [event.kind for event in await hosting.journal.read("s")] == ["run_started"]
    hosting.open = ["s"]

    second = hosting.host()
    await second.start()

    assert await hosting.finished() == ["run_started", "model_responded", "run_ended"]
    assert len(hosting.model.asked) == 1


@pytest.mark.anyio
async def test_a_session_that_another_host_took_over_stops_here_without_a_trace() -> None:
    hosting = Hosting()
    first, second = hosting.host(), hosting.host()
    await first.submit(CALL, SUBMISSION)
    hosting.open = ["s"]
    await second.start()

    assert (await hosting.finished()).count("run_ended") == 1
    async with asyncio.timeout(DEADLINE_S):
        while first.health()["sessions"] or second.health()["sessions"]:
            await asyncio.sleep(0)


@pytest.mark.anyio
async def test_an_unknown_provider_is_refused_before_anything_is_written() -> None:
    hosting = Hosting()

    with pytest.raises(LLMConfigurationError, match="unknown provider 'other'"):
        await hosting.host().submit(CALL, Submission(session_id="s", run_id="s.1", spec=RunSpec(objective="", provider="other")))

    assert await hosting.journal.read("s") == ()


@pytest.mark.anyio
async def test_a_full_host_refuses_with_a_hint_and_says_so_of_itself() -> None:
    hosting = Hosting(max_sessions=0)
    host = hosting.host()

    with pytest.raises(OverloadedError, match="the host of session 's' has 0 runs under way, its bound") as refusal:
        await host.submit(CALL, SUBMISSION)

    assert refusal.value.retry_after == 0.1
    assert host.health() == {"sessions": 0, "max_sessions": 0}


class FarJournal(MemoryJournal):
    """Takes its time, as one in another process does."""

    async def append(self, session_id: str, expected_seq: int, events: Sequence[Event]) -> None:
        await asyncio.sleep(0)
        await super().append(session_id, expected_seq, events)


@pytest.mark.anyio
async def test_submissions_of_one_moment_do_not_exceed_the_bound() -> None:
    hosting = Hosting(max_sessions=2)
    hosting.journal = FarJournal()
    host = hosting.host()

    submitted = (host.submit(CALL, Submission(session_id=f"s{number}", run_id="r", spec=RunSpec(objective="hello"))) for number in range(5))
    refusals = [error for error in await asyncio.gather(*submitted, return_exceptions=True) if error is not None]

    assert [type(error) for error in refusals] == [OverloadedError] * 3
    assert host.health()["sessions"] == 2
    await host.stop()


@pytest.mark.anyio
async def test_a_full_host_still_knows_what_it_has_accepted() -> None:
    hosting = Hosting(max_sessions=1)
    host = hosting.host()
    await host.submit(CALL, SUBMISSION)

    await host.submit(CALL, SUBMISSION)

    assert await hosting.finished() == ["run_started", "model_responded", "run_ended"]


@pytest.mark.anyio
async def test_a_run_can_be_paused_and_resumed_between_its_steps() -> None:
    hosting = Hosting()
    host = hosting.host()
    await host.submit(CALL, SUBMISSION)
    host.pause(CALL, "s", "maintenance")
    host.resume(CALL, "s", "maintenance")

    kinds = await hosting.finished()

    assert [kind for kind in kinds if kind in ("paused", "resumed")] == ["paused", "resumed"]
    with pytest.raises(SessionError, match="session 's' has no run under way"):
        host.pause(CALL, "s", "maintenance")


@pytest.mark.anyio
async def test_a_message_that_is_said_again_to_another_incarnation_begins_no_second_run() -> None:
    hosting = Hosting()
    first, second, third = (hosting.host() for _ in range(3))
    await first.submit(CALL, SUBMISSION)
    await hosting.finished()
    await first.stop()

    await second.say(CALL, "s", "s.2", "and now")
    await second.say(CALL, "s", "s.2", "and now")
    await hosting.finished()
    await third.say(CALL, "s", "s.2", "and now")

    assert await hosting.finished() == ["run_started", "model_responded", "run_ended"] * 2
    await third.stop()


class HeldJournal(MemoryJournal):
    """Takes what it is given, and says so only when it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = asyncio.Event()

    async def append(self, session_id: str, expected_seq: int, events: Sequence[Event]) -> None:
        """See MemoryJournal."""
        await super().append(session_id, expected_seq, events)
        await self.opened.wait()


@pytest.mark.anyio
async def test_a_run_whose_submission_was_given_up_while_it_was_written_does_not_stay_without_a_driver() -> None:
    hosting = Hosting()
    hosting.journal = journal = HeldJournal()
    host = hosting.host()
    submitting = asyncio.create_task(host.submit(CALL, SUBMISSION))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    submitting.cancel()
    journal.opened.set()
    await host.submit(CALL, SUBMISSION)  # as whoever was not answered does

    assert (await hosting.finished())[-1] == "run_ended"
    await host.stop()


@pytest.mark.anyio
async def test_a_host_that_stops_begins_nothing_more() -> None:
    hosting = Hosting()
    hosting.journal = journal = HeldJournal()
    host = hosting.host()
    submitting = asyncio.create_task(host.submit(CALL, SUBMISSION))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    submitting.cancel()
    await host.stop()
    journal.opened.set()
    await asyncio.sleep(0)

    assert host.health()["sessions"] == 0
    assert hosting.model.calls == []


class LostJournal(MemoryJournal):
    """Takes the first events of a session, and loses a race for all others."""

    async def append(self, session_id: str, expected_seq: int, events: Sequence[Event]) -> None:
        if expected_seq > 0:
            raise JournalConflictError("another writes here", session_id, actual_seq=99)
        await super().append(session_id, expected_seq, events)


@pytest.mark.anyio
async def test_a_session_whose_journal_fails_is_dropped_with_a_word_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    hosting = Hosting()
    hosting.journal = LostJournal()
    host = hosting.host()

    await host.submit(CALL, SUBMISSION)

    async with asyncio.timeout(DEADLINE_S):
        while host.health()["sessions"]:
            await asyncio.sleep(0)
    assert "session s stops here: another writes here" in caplog.text
