"""Live tools run in the process that submitted them, with its objects."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.actors.session_handle import SessionHandle
from polaris_llm.core.events import Paused
from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.tool_registry import ToolCallContext, tool
from support.runtime_access import started
from support.runtime_model import answer, call, calls, plan, tell_results
from support.runtime_sessions import results_of
from support.runtime_tools import DEADLINE_S, Gate, where


@pytest.fixture
def runtime() -> Iterator[LLMRuntime]:
    with started(runtime={"lease_s": 0.3}) as runtime:
        yield runtime


def test_a_plain_function_sees_the_submitters_own_objects(runtime: LLMRuntime) -> None:
    farm = {"servers": 3}
    lock = threading.Lock()  # something that no pickle takes

    def add_servers(count: int) -> int:
        """Add servers."""
        with lock:
            farm["servers"] += count
            return farm["servers"]

    session = runtime.submit(plan(call("add_servers", count=2), tell_results()), tools=[add_servers])

    assert results_of(session) == [5]
    assert farm == {"servers": 5}


def test_a_blocking_function_does_not_hold_up_the_runtime(runtime: LLMRuntime) -> None:
    opened = threading.Event()

    def wait_for_it() -> bool:
        """Wait for another session."""
        return opened.wait(DEADLINE_S)

    session = runtime.submit(plan(call("wait_for_it"), tell_results()), tools=[wait_for_it])
    assert runtime.submit("hello").result(DEADLINE_S).ok
    opened.set()

    assert results_of(session) == [True]


@pytest.mark.anyio
async def test_an_async_function_runs_on_the_loop_that_submitted_it(runtime: LLMRuntime) -> None:
    home = asyncio.get_running_loop()

    async def is_at_home() -> bool:
        """Tell whether this is the submitter's loop."""
        return asyncio.get_running_loop() is home

    session = await runtime.asubmit(plan(call("is_at_home"), tell_results()), tools=[is_at_home])

    assert (await session.aresult(DEADLINE_S)).result == "[true]"


def test_an_async_function_of_plain_code_runs_on_the_runtimes_loop(runtime: LLMRuntime) -> None:
    async def where_async() -> str:
        """Tell the thread."""
        return where()

    session = runtime.submit(plan(call("where_async"), tell_results()), tools=[where_async])

    assert results_of(session) == ["polaris-llm polaris"]


def test_a_live_tool_may_use_the_runtime_itself(runtime: LLMRuntime) -> None:
    def ask_another(question: str) -> object:
        """Submit a session within a session."""
        return runtime.submit(question).result(DEADLINE_S).result

    session = runtime.submit(plan(call("ask_another", question="why"), tell_results()), tools=[ask_another])

    assert results_of(session) == ["heard: why"]


def test_a_blocking_call_on_the_runtimes_own_loop_fails_instead_of_waiting_for_itself(runtime: LLMRuntime) -> None:
    async def ask_another() -> object:
        """Block the loop that it runs on."""
        return runtime.submit("why").result(DEADLINE_S).result

    session = runtime.submit(plan(call("ask_another"), tell_results()), tools=[ask_another])

    assert results_of(session) == ["a blocking call on the loop of polaris-llm polaris would wait for itself: await its async twin"]


@pytest.mark.anyio
async def test_a_loop_that_is_blocked_is_named_as_the_reason_instead_of_waited_for() -> None:
    async def look() -> str:
        """Look."""
        return "seen"

    with started(tool_registry={"timeout_s": 0.2}) as runtime:
        session = await runtime.asubmit(plan(call("look"), tell_results()), tools=[look])

        assert "the event loop that is to run 'look' is blocked: await async twins on it" in str(results_of(session))


def test_the_settings_timeout_holds_for_live_tools_too() -> None:
    async def wait() -> None:
        """Wait for ever."""
        await Gate().passed()

    with started(tool_registry={"timeout_s": 0.1}) as runtime:
        session = runtime.submit(plan(call("wait"), tell_results()), tools=[wait])

        assert results_of(session) == ["tool 'wait' did not answer within 0.1 s and was stopped"]


def test_live_and_pool_tools_go_together_and_know_their_session(runtime: LLMRuntime) -> None:
    @tool(effect="pure")
    def whose(call: ToolCallContext) -> list[object]:
        """Tell whose work this is."""
        return [call.session_id, call.step, call.context["system"]]

    objective = plan(calls(("whose", {}), ("read_context", {})), tell_results())
    session = runtime.submit(objective, tools=[whose, "read_context"], context={"system": "swim"})

    assert results_of(session) == [[session.session_id, 1, "swim"], {"system": "swim"}]


def test_a_live_tools_failure_is_its_result(runtime: LLMRuntime) -> None:
    def broken() -> None:
        """Raise."""
        raise ValueError("the sensor is unplugged")

    session = runtime.submit(plan(calls(("broken", {}), ("broken", {"x": 1})), tell_results()), tools=[broken])

    failure, misuse = results_of(session)
    assert failure == "the sensor is unplugged"
    assert "'x' was unexpected" in str(misuse)


def test_a_second_run_of_a_session_still_has_its_live_tools(runtime: LLMRuntime) -> None:
    session = runtime.submit(plan(call("where"), answer("done")), tools=[where])
    assert session.result(DEADLINE_S).ok

    session.send(plan(call("where"), answer("done again")))

    assert session.result(DEADLINE_S).result == "done again"
    assert not any(isinstance(event, Paused) for event in session.events(timeout=DEADLINE_S))


def test_a_tool_whose_event_loop_has_ended_fails(runtime: LLMRuntime) -> None:
    gate = Gate()

    async def wait() -> None:
        """Wait for ever."""
        await gate.passed()

    async def submit_and_leave() -> SessionHandle:
        session = await runtime.asubmit(plan(call("wait"), tell_results()), tools=[wait])
        await asyncio.to_thread(gate.await_arrival)
        return session

    session = asyncio.run(submit_and_leave())

    assert results_of(session) == ["the event loop that ran 'wait' has ended"]


def test_two_tools_of_one_name_are_refused(runtime: LLMRuntime) -> None:
    def add(a: int) -> int:
        """Not the pool's."""
        return a

    with pytest.raises(LLMConfigurationError, match="two tools are named 'add': rename one of them"):
        runtime.submit("hello", tools=["add", add])
