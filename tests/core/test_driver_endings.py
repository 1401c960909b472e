"""How driven runs end: each status, and whatever the ports do, exactly once."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.events import ModelFailed, RunEnded, outcome_of
from polaris_llm.core.exceptions import LLMResponseParsingError, LLMTimeoutError
from polaris_llm.core.usage import USAGE, Usage
from support.sessions import NOW, PATIENCE_S, a_spec, a_start, a_world, calls, hang, results_in, said

pytestmark = pytest.mark.anyio


async def test_a_run_with_an_answer_is_completed() -> None:
    world = await a_world(calls("a:look", tokens=7), said("42", tokens=5))

    outcome = await world.run()

    assert (outcome.status, outcome.result, outcome.ok, outcome.error) == ("completed", "42", True, None)
    assert (outcome.steps, outcome.tool_calls, outcome.usage.total_tokens, outcome.session_id) == (2, 1, 12, "session")


async def test_a_run_without_an_answer_ends_at_its_step_limit() -> None:
    world = await a_world(calls("a:look"), spec=a_spec(max_steps=3))

    outcome = await world.run()

    assert (outcome.status, world.model.steps, len(world.tools.ran)) == ("max_iterations", [1, 2, 3], 2)


async def test_a_run_whose_tokens_are_spent_ends() -> None:
    world = await a_world(calls("a:look", tokens=60), spec=a_spec(max_tokens=100))

    assert ((await world.run()).status, world.model.steps) == ("budget_exceeded", [1, 2])


@pytest.mark.parametrize("deeds", [{"look": lambda call: hang()}, {}], ids=["the tool hangs", "the model hangs"])
async def test_a_run_that_hangs_ends_at_its_deadline(deeds: dict[str, Any]) -> None:
    world = await a_world(calls("a:look"), lambda call: hang(), spec=a_spec(deadline_s=0.02), deeds=deeds)

    outcome = await world.run()

    assert outcome.status == "deadline_exceeded"
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.message) == ("RUN_DEADLINE_EXCEEDED", "the run did not end within 0.02 s")


async def test_a_call_that_fails_because_the_run_has_no_time_is_the_runs_deadline() -> None:
    late = LLMTimeoutError("no answer", timeout_seconds=0.001)
    world = await a_world(late, spec=a_spec(deadline_s=60.0), now=NOW + 60.0 - 0.001)

    outcome = await world.run()

    assert (outcome.status, outcome.steps) == ("deadline_exceeded", 1)


async def test_a_cancelled_run_stops_what_is_under_way_and_answers_its_calls() -> None:
    stopped = asyncio.Event()

    async def work() -> None:
        try:
            await hang()
        finally:
            stopped.set()

    world = await a_world(calls("a:look", "b:fetch"), deeds={"look": lambda call: work()})
    running = asyncio.create_task(world.run())
    await world.journal.holds("tool_completed")

    world.driver.end("cancelled")
    outcome = await running

    assert (outcome.status, outcome.error) == ("cancelled", None)
    assert results_in(world.session) == {"a": "no result: the run ended as cancelled", "b": "ok"}
    async with asyncio.timeout(PATIENCE_S):
        await stopped.wait()


async def test_a_failed_model_fails_the_run_and_the_error_is_kept() -> None:
    outcome = await (await a_world(LLMTimeoutError("too slow", 3.0, provider="mock"))).run()

    assert outcome.status == "failed"
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.code, outcome.error.message) == ("LLMTimeoutError", "LLM_TIMEOUT_ERROR", "too slow")
    assert outcome.error.context == {"timeout_seconds": 3.0, "provider": "mock"}


async def test_what_useless_answers_took_is_in_the_outcome_and_in_the_journal() -> None:
    spent = Usage(input_tokens=30, output_tokens=12)
    world = await a_world(calls("a:look", tokens=7), LLMResponseParsingError("useless", context={USAGE: spent.as_json()}))

    outcome = await world.run()

    assert (outcome.status, outcome.usage.total_tokens) == ("failed", 7 + 42)
    (failed,) = [event for event in world.journal.log if isinstance(event, ModelFailed)]
    assert Usage.of(failed.error.context) == spent


async def test_a_defect_in_a_model_fails_the_run_and_is_named() -> None:
    outcome = await (await a_world(ZeroDivisionError("by zero"))).run()

    assert outcome.status == "failed"
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.message) == ("UNEXPECTED_ERROR", "ZeroDivisionError: by zero")


async def test_a_defect_while_an_answer_is_judged_fails_the_run(caplog: pytest.LogCaptureFixture) -> None:
    world = await a_world(said("{}"), spec=a_spec(result_schema={"type": "strange"}))

    outcome = await world.run()

    assert outcome.status == "failed"
    assert outcome.error is not None
    assert "strange" in outcome.error.message
    assert world.journal.kinds() == ["run_started", "run_ended"]
    assert "session session fails by a defect" in caplog.text


async def test_the_end_is_in_the_journal_when_the_run_is_reported_as_over() -> None:
    world = await a_world(calls("a:look"), said("42"))

    outcome = await world.run()

    assert world.journal.kinds() == ["run_started", "model_responded", "tool_completed", "model_responded", "run_ended"]
    ended = world.journal.log[-1]
    assert isinstance(ended, RunEnded)
    assert outcome_of("session", ended) == outcome


async def test_ending_twice_is_ending_once() -> None:
    world = await a_world(lambda call: hang())

    world.driver.end("cancelled")
    world.driver.end("failed")

    assert (await world.run()).status == "cancelled"
    assert world.journal.kinds().count("run_ended") == 1


async def test_an_answer_that_comes_in_spite_of_a_cancel_is_too_late() -> None:
    asked = asyncio.Event()

    async def stubborn(call: CallContext) -> Any:
        try:
            asked.set()
            await hang()
        except asyncio.CancelledError:
            return said("42")

    world = await a_world(stubborn)
    running = asyncio.create_task(world.run())
    async with asyncio.timeout(PATIENCE_S):
        await asked.wait()
    world.driver.end("cancelled")

    assert (await running).status == "cancelled"
    assert world.journal.kinds() == ["run_started", "run_ended"]


async def test_a_run_that_is_ended_before_its_first_step_leaves_nothing_behind() -> None:
    world = await a_world(said("42"))

    world.driver.end("cancelled")

    assert (await world.run()).status == "cancelled"
    assert world.model.asked == []


async def test_an_answer_to_a_run_that_is_over_does_not_reach_the_next_one() -> None:
    asked, late = asyncio.Event(), asyncio.Event()

    async def deaf(call: CallContext) -> Any:
        asked.set()
        while not late.is_set():
            with suppress(asyncio.CancelledError):
                await late.wait()
        return said("42")

    world = await a_world(deaf)
    tasks = asyncio.all_tasks()
    running = asyncio.create_task(world.run())
    async with asyncio.timeout(PATIENCE_S):
        await asked.wait()
    world.driver.end("cancelled")
    await running
    world.session.receive(a_start(run_id="run-2"))
    before = world.session.state

    late.set()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(asyncio.all_tasks() - tasks), return_exceptions=True)

    assert world.session.state == before
