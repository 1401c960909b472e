"""Sessions in the hands of those who submit them: events, results and statuses."""

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.events import Event, RunStarted
from polaris_llm.core.exceptions import DeadlineExceededError, UnknownSessionError
from polaris_llm.core.runs import RunLimits
from support.runtime_access import started
from support.runtime_model import answer, call, calls, fail, plan, tell_results
from support.runtime_sessions import kinds_of, waiting_session
from support.runtime_tools import DEADLINE_S, GATES

SLOW = {"slow": {"latency_s": 60.0}}
"""A provider whose answers nobody waits for."""


@pytest.fixture(scope="module")
def runtime() -> Iterator[LLMRuntime]:
    with started(providers=SLOW) as runtime:
        yield runtime


def test_a_run_is_told_by_its_events_in_order(runtime: LLMRuntime) -> None:
    session = runtime.submit(plan(call("add", a=1, b=2), answer("done")), tools=["add"])

    assert kinds_of(session) == ["run_started", "model_responded", "tool_completed", "model_responded", "run_ended"]


def test_events_go_on_after_any_sequence_number(runtime: LLMRuntime) -> None:
    session = runtime.submit(plan(call("add", a=1, b=2), answer("done")), tools=["add"])
    all_kinds = kinds_of(session)

    assert [kinds_of(session, after) for after in range(6)] == [all_kinds[after:] for after in range(6)]


def test_events_are_told_while_the_run_is_under_way(runtime: LLMRuntime) -> None:
    session, gate = waiting_session(runtime, answer("done"))
    events = session.events(timeout=DEADLINE_S)

    seen = [next(events).kind, next(events).kind]
    GATES[gate].open()

    assert seen == ["run_started", "model_responded"]
    assert [event.kind for event in events] == ["tool_completed", "model_responded", "run_ended"]


def test_silence_ends_the_events_by_an_error_and_they_can_be_taken_up_again(runtime: LLMRuntime) -> None:
    session, gate = waiting_session(runtime, answer("done"))
    events = session.events(timeout=0.5)
    assert [next(events).kind, next(events).kind] == ["run_started", "model_responded"]

    with pytest.raises(DeadlineExceededError):
        next(events)
    GATES[gate].open()

    assert kinds_of(session, after=2) == ["tool_completed", "model_responded", "run_ended"]


@pytest.mark.anyio
async def test_events_stream_to_coroutines(runtime: LLMRuntime) -> None:
    session = await runtime.asubmit(plan(answer("done")))

    kinds = [event.kind async for event in session.astream(timeout=DEADLINE_S)]

    assert kinds == ["run_started", "model_responded", "run_ended"]


def test_a_reader_that_stops_early_leaves_nothing_behind() -> None:
    with started() as runtime:
        for event in runtime.submit("hello").events(timeout=DEADLINE_S):
            assert isinstance(event, RunStarted)
            break


def test_a_callback_is_given_every_event(runtime: LLMRuntime) -> None:
    told: list[str] = []
    over: Future[None] = Future()

    def on_event(event: Event) -> None:
        told.append(event.kind)
        if event.kind == "run_ended":
            over.set_result(None)

    runtime.submit(plan(answer("done")), on_event=on_event)
    over.result(DEADLINE_S)

    assert told == ["run_started", "model_responded", "run_ended"]


def test_a_callback_that_raises_hurts_nobody_but_itself(runtime: LLMRuntime) -> None:
    called: Future[None] = Future()

    def on_event(event: Event) -> None:
        called.set_result(None)
        raise ValueError("a defect of the caller's")

    session = runtime.submit("hello", on_event=on_event)

    called.result(DEADLINE_S)
    assert session.result(DEADLINE_S).ok
    assert runtime.submit("again").result(DEADLINE_S).ok


def test_the_result_has_its_deadline(runtime: LLMRuntime) -> None:
    session, gate = waiting_session(runtime, answer("done"))

    with pytest.raises(DeadlineExceededError):
        session.result(timeout=0.05)
    GATES[gate].open()

    assert session.result(DEADLINE_S).result == "done"


def test_a_completed_run_says_what_it_took(runtime: LLMRuntime) -> None:
    objective = plan(calls(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})), tell_results())

    outcome = runtime.submit(objective, tools=["add"]).result(DEADLINE_S)

    assert (outcome.status, outcome.ok, outcome.result, outcome.error) == ("completed", True, "[3, 7]", None)
    assert (outcome.steps, outcome.tool_calls, outcome.usage.total_tokens) == (2, 2, 30)


def test_a_run_without_an_answer_ends_after_its_steps(runtime: LLMRuntime) -> None:
    outcome = runtime.submit(plan(call("add", a=1, b=2)), tools=["add"], limits=RunLimits(max_steps=3)).result(DEADLINE_S)

    assert (outcome.status, outcome.steps) == ("max_iterations", 3)
    assert outcome.error is not None
    assert outcome.error.code == "MAX_ITERATIONS"


def test_a_run_ends_when_its_tokens_are_spent(runtime: LLMRuntime) -> None:
    outcome = runtime.submit(plan(call("add", a=1, b=2)), tools=["add"], limits=RunLimits(max_tokens=30)).result(DEADLINE_S)

    assert (outcome.status, outcome.usage.total_tokens) == ("budget_exceeded", 30)


def test_a_run_ends_at_its_deadline(runtime: LLMRuntime) -> None:
    outcome = runtime.submit("hello", provider="slow", limits=RunLimits(deadline_s=0.05)).result(DEADLINE_S)

    assert outcome.status == "deadline_exceeded"
    assert outcome.error is not None
    assert outcome.error.message == "the run did not end within 0.05 s"


def test_a_failed_run_keeps_the_providers_error(runtime: LLMRuntime) -> None:
    outcome = runtime.submit(plan(fail("no such model"))).result(DEADLINE_S)

    assert outcome.status == "failed"
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.message, outcome.error.context["plan"]) == ("LLMAPIError", "no such model", "to fail")
    assert outcome.error.context["status_code"] == 400


def test_a_cancelled_run_ends_at_once(runtime: LLMRuntime) -> None:
    session = runtime.submit("hello", provider="slow")

    assert session.cancel()

    assert session.result(DEADLINE_S).status == "cancelled"
    assert not session.cancel()


def test_cancelling_a_run_stops_its_tool(runtime: LLMRuntime) -> None:
    session, gate = waiting_session(runtime)

    session.cancel()

    assert session.result(DEADLINE_S).status == "cancelled"
    GATES[gate].await_departure()


def test_an_unknown_session_is_named_whatever_is_asked_of_it(runtime: LLMRuntime) -> None:
    session = runtime.session("never-submitted")

    with pytest.raises(UnknownSessionError, match="no session 'never-submitted': it was never submitted, or its log was dropped"):
        session.result(DEADLINE_S)
    with pytest.raises(UnknownSessionError):
        list(session.events(timeout=DEADLINE_S))
    with pytest.raises(UnknownSessionError):
        session.send("hello?")
    assert not session.cancel()
    assert repr(session) == "SessionHandle('never-submitted')"
