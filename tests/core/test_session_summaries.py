"""What a list says of a session: read off its first and its last event, and never wrong about how it stands."""

from dataclasses import replace

import pytest

from polaris_llm.core.events import ApprovalRequested, Event, ModelResponded, Paused, RunEnded, RunStarted, ToolCompleted
from polaris_llm.core.inference import ModelResponse
from polaris_llm.core.parts import TextPart
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.session_summaries import OBJECTIVE_CHARS, SessionStatus, SessionSummary, summary_of
from polaris_llm.core.storage.event_log import to_line
from polaris_llm.core.usage import Usage

STARTED = RunStarted(run_id="r", spec=RunSpec(objective="Look", model="m", provider="p"), at=10.0)
RESPONDED = ModelResponded(step=1, response=ModelResponse(model="m", parts=(TextPart(text="hm"),)), at=11.5)
LURE = ToolCompleted(call_id="c", content={"at": 1.0, "kind": "model_responded"}, at=12.0)
ENDED = RunEnded(run_id="r", status="failed", at=13.0, steps=3, tool_calls=2, usage=Usage(input_tokens=5, output_tokens=2))


def summary(*events: Event) -> SessionSummary:
    return summary_of("s", [to_line(event) for event in events])


def test_a_run_under_way_tells_its_steps_so_far() -> None:
    told = summary(STARTED, RESPONDED, LURE, RESPONDED)

    assert (told.status, told.steps, told.tool_calls, told.tokens) == ("running", 2, None, None)
    assert (told.objective, told.model, told.provider) == ("Look", "m", "p")
    assert (told.started_at, told.updated_at, told.events, told.runs) == (10.0, 11.5, 4, 1)


def test_an_ended_run_tells_what_it_took() -> None:
    told = summary(STARTED, RESPONDED, ENDED)

    assert (told.status, told.steps, told.tool_calls, told.tokens, told.updated_at) == ("failed", 3, 2, 7, 13.0)


def test_the_last_run_is_told_of() -> None:
    again = replace(STARTED, spec=RunSpec(objective="Look again"), at=20.0)

    told = summary(STARTED, RESPONDED, ENDED, again)

    assert (told.runs, told.objective, told.status, told.steps, told.started_at) == (2, "Look again", "running", 0, 20.0)


@pytest.mark.parametrize(
    ("event", "status"),
    [(Paused(reason="lunch", at=11.0), "paused"), (ApprovalRequested(call_id="c", at=11.0), "waits for approval")],
)
def test_what_a_run_waits_for_is_its_status(event: Event, status: SessionStatus) -> None:
    assert summary(STARTED, event).status == status


def test_a_long_objective_is_cut() -> None:
    long = replace(STARTED, spec=RunSpec(objective="x" * 10_000))

    assert summary(long).objective == "x" * OBJECTIVE_CHARS
