"""Sessions that asked for a process of their own: a host for each, as long as its run is under way."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from polaris_llm.actors.engine import ActorSpec
from polaris_llm.actors.links import Links
from polaris_llm.actors.own_hosts import OwnHosts
from polaris_llm.actors.roster import supervisor_spec
from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.actors.session_handle import SessionHandle
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.settings import Settings
from support.runtime_access import create, engine_of, kill, loop_of, names_of, new_id, started
from support.runtime_model import answer, call, plan, tell_results
from support.runtime_tools import DEADLINE_S, GATES


@pytest.fixture
def runtime() -> Iterator[LLMRuntime]:
    with started() as runtime:
        yield runtime


def lives(runtime: LLMRuntime, session: SessionHandle) -> bool:
    """Whether the session's own host is there."""
    return loop_of(runtime).run(engine_of(runtime).find(names_of(runtime).own_host(session.session_id))) is not None


def await_absence(runtime: LLMRuntime, session: SessionHandle) -> None:
    """Return when the session's own host is gone."""

    async def gone() -> None:
        async with asyncio.timeout(DEADLINE_S):
            while await engine_of(runtime).find(names_of(runtime).own_host(session.session_id)) is not None:
                await asyncio.sleep(0.01)

    loop_of(runtime).run(gone())


def waiting_alone(runtime: LLMRuntime) -> tuple[SessionHandle, str]:
    """A session in a host of its own, whose tool waits at the gate of this name."""
    gate = new_id()
    session = runtime.submit(plan(call("wait_at", gate=gate), tell_results()), tools=["wait_at"], isolation="process")
    GATES[gate].await_arrival()
    return session, gate


def test_a_session_of_its_own_process_lives_in_a_host_named_after_it_until_its_run_is_over(runtime: LLMRuntime) -> None:
    session, gate = waiting_alone(runtime)
    assert lives(runtime, session)

    kill(runtime, names_of(runtime).host_of(session.session_id))  # which has no part in it
    GATES[gate].open()

    assert json.loads(str(session.result(DEADLINE_S).result)) == [f"passed {gate}"]
    assert GATES[gate].entered == 1
    await_absence(runtime, session)


def test_other_sessions_have_no_host_of_their_own(runtime: LLMRuntime) -> None:
    session = runtime.submit(plan(answer("done")))

    assert session.result(DEADLINE_S).ok
    assert not lives(runtime, session)


def test_a_run_outlives_the_death_of_its_own_host(runtime: LLMRuntime) -> None:
    session, gate = waiting_alone(runtime)

    kill(runtime, names_of(runtime).own_host(session.session_id))
    GATES[gate].await_arrival()
    GATES[gate].open()

    assert json.loads(str(session.result(DEADLINE_S).result)) == [f"passed {gate}"]
    assert [event.kind for event in session.events(timeout=DEADLINE_S)].count("run_started") == 1


def test_a_new_supervisor_keeps_the_hosts_that_it_finds(runtime: LLMRuntime) -> None:
    session, gate = waiting_alone(runtime)
    kill(runtime, names_of(runtime).supervisor)
    create(runtime, supervisor_spec(runtime.settings))

    kill(runtime, names_of(runtime).own_host(session.session_id))
    GATES[gate].await_arrival()
    GATES[gate].open()

    assert session.result(DEADLINE_S).ok
    await_absence(runtime, session)


def test_a_session_can_be_cancelled_and_spoken_to_wherever_it_lives(runtime: LLMRuntime) -> None:
    session, _ = waiting_alone(runtime)

    assert session.cancel()
    assert session.result(DEADLINE_S).status == "cancelled"
    await_absence(runtime, session)
    assert not session.cancel()
    assert not lives(runtime, session)
    session.send(plan(answer("once more")))
    assert session.result(DEADLINE_S).result == "once more"


def test_as_many_as_the_settings_allow_live_so_and_further_ones_wait() -> None:
    with started(conversation_management={"max_own_hosts": 1}) as runtime:
        first, gate = waiting_alone(runtime)
        GATES[gate].open()

        second = runtime.submit(plan(answer("in its turn")), isolation="process")

        assert second.result(DEADLINE_S).result == "in its turn"
        assert not lives(runtime, first)


def test_a_runtime_that_ends_takes_its_hosts_along() -> None:
    with started() as runtime:
        session, _ = waiting_alone(runtime)
        engine, name = engine_of(runtime), names_of(runtime).own_host(session.session_id)

    assert asyncio.run(engine.find(name)) is None


class QuietJournal:
    """Links to a journal in which no run is under way, and an engine that only counts; a session is known once it was asked for."""

    def __init__(self) -> None:
        self.engine = self
        self.asked = Counter[str]()
        self.stopped = list[str]()
        self.on_known: Callable[[], object] = lambda: None

    def to(self, target: str) -> "QuietJournal":
        """The journal, whatever is asked for."""
        return self

    async def ask(self, method: str, call: CallContext, *arguments: Any) -> Any:
        """As JournalActor."""
        self.asked[method] += 1
        if method == "open_sessions":
            return ()
        is_known = self.asked[method] > 1
        if is_known:
            self.on_known()
            await asyncio.sleep(0)
        return is_known

    async def create(self, spec: ActorSpec) -> None:
        """See Engine."""

    async def stop(self, name: str) -> None:
        """See Engine."""
        self.stopped.append(name)


async def for_ever(spec: ActorSpec) -> None:
    """Keep an actor that does not die."""
    await asyncio.Event().wait()


@pytest.mark.anyio
async def test_a_host_that_is_asked_for_in_its_last_moment_stays() -> None:
    journal = QuietJournal()
    hosts = OwnHosts(cast(Links, journal), Settings(), grace_s=DEADLINE_S)
    await hosts.start(for_ever)
    await hosts.open("s")
    asking_again = list[asyncio.Task[None]]()
    journal.on_known = lambda: asking_again.append(asyncio.create_task(hosts.open("s")))

    async with asyncio.timeout(DEADLINE_S):
        while journal.asked["open_sessions"] < 5:  # at the start, at both requests, and at both ends of a look
            await asyncio.sleep(0.01)

    assert len(asking_again) == 1
    assert journal.stopped == []
    await hosts.close()
