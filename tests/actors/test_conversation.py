"""Sessions in their hosts: submitting is idempotent, hosts are bounded, and whatever dies, finished steps are not repeated."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from polaris_llm.actors.conversation import ConversationHost, Submission
from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.driver import Ports
from polaris_llm.core.events import Event, RunEnded
from polaris_llm.core.exceptions import JournalConflictError, LLMConfigurationError, OverloadedError, SessionError
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.storage.memory_journal import MemoryJournal
from polaris_llm.core.tool_registry import ToolRegistry
from support.model_requests import ScriptedModel, a_response
from support.runtime_access import kill, names_of, new_id, started
from support.runtime_model import ASKED, answer, call, calls, plan, tell_results, times_asked
from support.runtime_tools import DEADLINE_S, GATES, NOTES

CALL = CallContext(session_id="s")
SUBMISSION = Submission(session_id="s", run_id="s.1", spec=RunSpec(objective="hello", model="a-model"))


@pytest.fixture
def runtime() -> Iterator[LLMRuntime]:
    with started() as runtime:
        yield runtime


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


class LostJournal(MemoryJournal):
    """Takes the first events of a session, and loses a race for all others."""

    async def append(self, session_id: str, expected_seq: int, events: "list[Event] | tuple[Event, ...]") -> None:  # type: ignore[override]
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


def test_submitting_the_same_twice_is_submitting_once(runtime: LLMRuntime) -> None:
    session_id, text = new_id(), new_id()
    objective = plan(call("note", text=text), tell_results())

    outcomes = [runtime.submit(objective, tools=["note"], session_id=session_id).result(DEADLINE_S) for _ in range(3)]

    assert [outcome.result for outcome in outcomes] == ["[1]"] * 3
    assert NOTES.count(text) == 1


def test_an_id_that_stands_for_another_session_is_refused(runtime: LLMRuntime) -> None:
    session_id = new_id()
    runtime.submit("hello", session_id=session_id)

    with pytest.raises(SessionError, match=f"session '{session_id}' exists already: give another id, or none"):
        runtime.submit("goodbye", session_id=session_id)
    with pytest.raises(SessionError):
        runtime.submit("hello", session_id=session_id, temperature=0.9)


def test_a_thousand_sessions_are_a_handful_of_messages() -> None:
    with started(conversation_management={"hosts": 2}) as runtime:
        sessions = runtime.submit_many([f"number {number}" for number in range(300)])

        results = [session.result(DEADLINE_S).result for session in sessions]

        assert results == [f"heard: number {number}" for number in range(300)]
        assert {names_of(runtime).host_of(session.session_id) for session in sessions} == set(names_of(runtime).hosts)


def test_submitting_waits_for_room_in_a_full_host() -> None:
    gate = new_id()
    with started(conversation_management={"max_sessions_per_host": 1}) as runtime, ThreadPoolExecutor() as threads:
        first = runtime.submit(plan(call("wait_at", gate=gate)), tools=["wait_at"])
        GATES[gate].await_arrival()

        second = threads.submit(runtime.submit, "hello")
        first.cancel()

        assert second.result(DEADLINE_S).result(DEADLINE_S).ok


def test_submitting_to_a_host_that_stays_full_ends_at_its_deadline() -> None:
    gate = new_id()
    with started(conversation_management={"max_sessions_per_host": 1}, runtime={"ask_timeout_s": 0.3}) as runtime:
        runtime.submit(plan(call("wait_at", gate=gate)), tools=["wait_at"])
        GATES[gate].await_arrival()

        with pytest.raises(OverloadedError, match="has 1 runs under way, its bound"):
            runtime.submit("hello")


def test_a_run_outlives_its_host_and_repeats_no_finished_step(runtime: LLMRuntime) -> None:
    session_id, gate, text = new_id(), new_id(), new_id()
    objective = plan(call("note", text=text), call("wait_at", gate=gate), call("note", text=text), tell_results())
    session = runtime.submit(objective, tools=["note", "wait_at"], session_id=session_id)
    GATES[gate].await_arrival()
    assert next(event for event in session.events(2, DEADLINE_S)).kind == "tool_completed"
    assert next(event for event in session.events(3, DEADLINE_S)).kind == "model_responded"

    kill(runtime, names_of(runtime).host_of(session_id))
    GATES[gate].await_arrival()
    GATES[gate].open()

    assert session.result(DEADLINE_S).result == json.dumps([1, f"passed {gate}", 2])
    assert [times_asked(session_id, step) for step in (1, 2, 3, 4)] == [1, 1, 1, 1]
    assert [event.kind for event in session.events(timeout=DEADLINE_S)].count("run_started") == 1


def test_a_call_that_must_not_run_twice_is_given_up_when_its_host_dies(runtime: LLMRuntime) -> None:
    session_id, gate = new_id(), new_id()
    session = runtime.submit(plan(call("wait_at_once_only", gate=gate), tell_results()), tools=["wait_at_once_only"], session_id=session_id)
    GATES[gate].await_arrival()

    kill(runtime, names_of(runtime).host_of(session_id))

    assert "outcome unknown" in str(session.result(DEADLINE_S).result)
    assert GATES[gate].entered == 1


def test_a_message_reaches_a_run_whose_host_has_just_died(runtime: LLMRuntime) -> None:
    session_id, gate = new_id(), new_id()
    session = runtime.submit(plan(call("wait_at", gate=gate), answer("done")), tools=["wait_at"], session_id=session_id)
    GATES[gate].await_arrival()

    kill(runtime, names_of(runtime).host_of(session_id))
    session.send("and hurry")
    GATES[gate].open()

    assert session.result(DEADLINE_S).result == "done"
    assert "message_received" in [event.kind for event in session.events(timeout=DEADLINE_S)]
    assert any("and hurry" in message.text for message in ASKED[-1].messages)


@pytest.mark.parametrize("hosts", [1, 3])
def test_many_sessions_outlive_all_their_hosts(hosts: int) -> None:
    with started(conversation_management={"hosts": hosts}) as runtime:
        gate = new_id()
        objective = plan(call("add", a=1, b=2), call("wait_at", gate=gate), tell_results())
        sessions = runtime.submit_many([objective] * 30, tools=["add", "wait_at"])
        for _ in sessions:
            GATES[gate].await_arrival()

        for host in names_of(runtime).hosts:
            kill(runtime, host)
        GATES[gate].open()

        assert [session.result(DEADLINE_S).result for session in sessions] == [json.dumps([3, f"passed {gate}"])] * 30


def test_a_call_that_may_run_twice_is_repeated_when_its_worker_dies(runtime: LLMRuntime) -> None:
    gate = new_id()
    session = runtime.submit(plan(call("wait_at", gate=gate), tell_results()), tools=["wait_at"])
    GATES[gate].await_arrival()

    for worker in names_of(runtime).tool_workers:
        kill(runtime, worker)
    GATES[gate].await_arrival()
    GATES[gate].open()

    assert session.result(DEADLINE_S).result == json.dumps([f"passed {gate}"])


def test_a_call_that_must_not_run_twice_is_not_repeated_when_its_worker_dies(runtime: LLMRuntime) -> None:
    gate = new_id()
    session = runtime.submit(plan(call("wait_at_once_only", gate=gate), tell_results()), tools=["wait_at_once_only"])
    GATES[gate].await_arrival()

    for worker in names_of(runtime).tool_workers:
        kill(runtime, worker)

    assert "outcome unknown: the tool was started but its result was lost" in str(session.result(DEADLINE_S).result)
    assert GATES[gate].entered == 1


def test_calls_of_one_step_run_side_by_side(runtime: LLMRuntime) -> None:
    gate = new_id()
    objective = plan(calls(("wait_at", {"gate": gate}), ("wait_at", {"gate": gate})), tell_results())
    session = runtime.submit(objective, tools=["wait_at"])
    GATES[gate].await_arrival()
    GATES[gate].await_arrival()
    GATES[gate].open()

    assert session.result(DEADLINE_S).result == json.dumps([f"passed {gate}"] * 2)
