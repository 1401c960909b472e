"""LLMRuntime on the inline engine: starting and ending, from plain code, threads and event loops; health."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from polaris_llm.actors.connection import greeting
from polaris_llm.actors.inline_engine import InlineEngine
from polaris_llm.actors.links import Links
from polaris_llm.actors.names import Names
from polaris_llm.actors.opening import find_actors, start_actors, stop_actors
from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.exceptions import ActorUnavailableError, LLMConfigurationError, LLMIntegrationError
from polaris_llm.core.settings import Settings
from support.model_requests import a_request
from support.runtime_access import engine_of, kill, loop_of, names_of, new_id, settings_of, started
from support.runtime_model import answer, call, plan, tell_results
from support.runtime_tools import DEADLINE_S, GATES


@pytest.fixture
def runtime() -> Iterator[LLMRuntime]:
    with started() as runtime:
        yield runtime


def test_leaving_the_context_stops_the_actors_and_the_thread() -> None:
    with started() as runtime:
        engine, supervisor = engine_of(runtime), names_of(runtime).supervisor
        assert loop_of(runtime).run(engine.find(supervisor)) is not None

    assert asyncio.run(engine.find(supervisor)) is None
    assert f"polaris-llm {runtime.settings.runtime.name}" not in [thread.name for thread in threading.enumerate()]


def test_an_exception_inside_the_context_stops_the_runtime_too() -> None:
    with pytest.raises(ZeroDivisionError), started() as runtime:
        raise ZeroDivisionError

    with pytest.raises(ActorUnavailableError):
        runtime.health()


def test_a_closed_runtime_refuses_work_and_says_what_to_do() -> None:
    runtime = started()
    client = runtime.client()
    runtime.close()
    runtime.close()
    runtime.stop()

    with pytest.raises(ActorUnavailableError, match=r"polaris-llm polaris was closed: start it, or connect to it, once more"):
        runtime.submit("anything")
    with pytest.raises(ActorUnavailableError):
        asyncio.run(client.respond(a_request()))


def test_closing_with_sessions_under_way_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    with started() as runtime, caplog.at_level(logging.WARNING):
        gate = new_id()
        runtime.submit(plan(call("wait_at", gate=gate)), tools=["wait_at"], on_event=lambda event: None)
        GATES[gate].await_arrival()

    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_result_that_another_thread_waits_for_fails_when_the_runtime_is_closed() -> None:
    gate = new_id()
    with ThreadPoolExecutor() as threads, started() as runtime:
        session = runtime.submit(plan(call("wait_at", gate=gate)), tools=["wait_at"])
        waiting = threads.submit(session.result, DEADLINE_S)
        GATES[gate].await_arrival()
        runtime.close()

        with pytest.raises(LLMIntegrationError):
            waiting.result(DEADLINE_S)


@pytest.mark.anyio
@pytest.mark.parametrize("pickles", [True, False])
async def test_everything_works_by_async_twins(pickles: bool) -> None:
    async with await LLMRuntime.astart(settings_of(runtime={"pickle_round_trip": pickles})) as runtime:
        session = await runtime.asubmit(plan(call("add", a=1, b=2), tell_results()), tools=["add"])

        outcome = await session.aresult(DEADLINE_S)
        many = await runtime.asubmit_many(["one", "two"])
        health = await runtime.ahealth()

        assert outcome.result == "[3]"
        assert [(await each.aresult(DEADLINE_S)).result for each in many] == ["heard: one", "heard: two"]
        assert health["replaced"] == {}
        await runtime.astop()


@pytest.mark.anyio
async def test_blocking_calls_work_inside_a_running_loop_as_in_a_notebook(runtime: LLMRuntime) -> None:
    session = runtime.submit(plan(call("add", a=1, b=2), tell_results()), tools=["add"])

    kinds = [event.kind for event in session.events(timeout=DEADLINE_S)]

    assert kinds[-1] == "run_ended"
    assert session.result(DEADLINE_S).result == "[3]"
    assert (await session.aresult(DEADLINE_S)).result == "[3]"


def test_several_event_loops_may_use_a_runtime_one_after_another(runtime: LLMRuntime) -> None:
    client = runtime.client()

    async def one_session(number: int) -> object:
        session = await runtime.asubmit(plan(answer(f"number {number}")))
        response = await client.respond(a_request(f"number {number}"))
        return (await session.aresult(DEADLINE_S)).result, response.text

    results = [asyncio.run(one_session(number)) for number in range(3)]

    assert results == [(f"number {number}", f"heard: number {number}") for number in range(3)]


def test_several_threads_may_use_a_runtime_at_once(runtime: LLMRuntime) -> None:
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda number: runtime.submit(f"{number}").result(DEADLINE_S).result, range(20)))

    assert results == [f"heard: {number}" for number in range(20)]


def test_two_runtimes_in_one_process_do_not_meet() -> None:
    with started(runtime={"name": "first"}) as first, started(runtime={"name": "second"}) as second:
        session = first.submit("hello", session_id="the-same")
        other = second.submit("goodbye", session_id="the-same")

        assert session.result(DEADLINE_S).result == "heard: hello"
        assert other.result(DEADLINE_S).result == "heard: goodbye"
        assert all(name.startswith("first/") for name in first.health()["actors"])

    with started(runtime={"name": "first"}) as again, pytest.raises(LLMIntegrationError, match="no session 'the-same'"):
        again.session("the-same").result(DEADLINE_S)


def test_a_wrong_script_fails_the_start_and_leaves_nothing() -> None:
    threads = threading.active_count()

    with pytest.raises(LLMConfigurationError, match=r"'support\.runtime_model:nothing' cannot be loaded"):
        started(llm={"script": "support.runtime_model:nothing"})

    assert threading.active_count() == threads


def test_connecting_finds_no_runtime_in_an_engine_of_ones_own() -> None:
    with pytest.raises(LLMConfigurationError, match="no runtime 'nowhere' in namespace 'polaris' of this cluster: start one"):
        LLMRuntime.connect("nowhere", engine="inline")


def test_starting_takes_replacements_of_the_runtime_section() -> None:
    with LLMRuntime.start({"llm": {"model": "tiny"}}, engine="inline", name="here") as runtime:
        assert (runtime.settings.runtime.name, runtime.settings.provider().model, runtime.owner) == ("here", "tiny", True)
        assert runtime.address is None


def test_a_process_that_was_held_up_for_longer_than_its_lease_keeps_its_inline_runtime() -> None:
    async def hold_up() -> None:
        time.sleep(0.3)  # as at a debugger's breakpoint: nothing else of the process runs

    with started(runtime={"lease_s": 0.1}) as runtime:
        loop_of(runtime).run(hold_up())

        assert runtime.submit("still here").result(DEADLINE_S).ok
        assert runtime.health()["replaced"] == {}


def test_health_tells_of_every_actor(runtime: LLMRuntime) -> None:
    runtime.submit("hello").result(DEADLINE_S)

    actors = runtime.health()["actors"]

    names = names_of(runtime)
    expected = {names.supervisor, names.journal, names.cache, names.callers, names.scenarios, names.provider("default")}
    assert set(actors) == expected | set(names.pools["default"].steady) | set(names.hosts)
    assert (actors[names.journal]["sessions"], actors[names.journal]["open"]) == (1, 0)
    assert actors[names.hosts[0]]["max_sessions"] == 2000


def test_health_is_told_while_the_supervisor_is_away() -> None:
    with started(runtime={"ask_timeout_s": 0.2}) as runtime:
        kill(runtime, names_of(runtime).supervisor)

        health = runtime.health()

        assert "polaris/supervisor" in health["actors"][names_of(runtime).supervisor]["error"]
        assert "error" not in health["actors"][names_of(runtime).journal]
        assert health["replaced"] == {}


SharedEngine = tuple[InlineEngine, Links]


@pytest.fixture
async def shared() -> AsyncIterator[SharedEngine]:
    """An engine that several processes might share, and the links of one of them."""
    engine = InlineEngine(greeting(), pickles=True)
    links = Links(engine, "client", greeting(), timeout_s=DEADLINE_S)
    yield engine, links
    await stop_actors(links, settings_of())
    await links.close()


@pytest.mark.anyio
async def test_who_starts_a_runtime_that_is_there_already_joins_it(shared: SharedEngine) -> None:
    _, links = shared
    first = await start_actors(links, settings_of())
    second = await start_actors(links, settings_of())

    assert (first.owner, second.owner) == (True, False)
    assert first.settings == second.settings


@pytest.mark.anyio
async def test_who_joins_needs_no_settings_but_the_name(shared: SharedEngine) -> None:
    _, links = shared
    await start_actors(links, settings_of(caching={"enabled": False}))

    found = await find_actors(links, Settings())

    assert (found.owner, found.settings.caching.enabled) == (False, False)


@pytest.mark.anyio
async def test_a_name_stands_for_one_runtime_only(shared: SharedEngine) -> None:
    _, links = shared
    await start_actors(links, settings_of())

    with pytest.raises(LLMConfigurationError, match="a runtime 'polaris' with other settings is running: connect to it, or give this one"):
        await start_actors(links, settings_of(caching={"enabled": False}))


@pytest.mark.anyio
async def test_a_start_that_fails_stops_what_was_started(shared: SharedEngine) -> None:
    engine, links = shared
    settings = settings_of(tool_registry={"tools": ["support.runtime_tools:nothing"]})

    with pytest.raises(LLMConfigurationError, match=r"'support\.runtime_tools:nothing' cannot be loaded"):
        await start_actors(links, settings)

    names = Names(settings)
    assert [await engine.find(name) for name in (names.supervisor, names.journal, names.cache, *names.hosts)] == [None] * 4
