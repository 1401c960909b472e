"""The log's records: what is written is read back equal, by this version and no older one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from polaris_llm.core.canonical import MAX_DEPTH
from polaris_llm.core.events import (
    LOG_SCHEMA,
    ApprovalGiven,
    Event,
    Paused,
    RunEnded,
    ToolCompleted,
    ToolStarted,
    event_from_json,
    event_to_json,
    outcome_of,
)
from support.nesting import nested
from support.session_values import values


@given(values(Event))
def test_every_event_comes_back_from_its_line(event: Event) -> None:
    assert event_from_json(event_to_json(event)) == event


@given(values(Event))
def test_every_line_carries_the_schema_and_the_kind(event: Event) -> None:
    record = json.loads(event_to_json(event))

    assert record["schema"] == LOG_SCHEMA
    assert record["kind"] == event.kind


@given(values(Event))
def test_a_line_is_one_line(event: Event) -> None:
    assert "\n" not in event_to_json(event)


@pytest.mark.parametrize("schema", [LOG_SCHEMA + 1, 0, "1", None])
def test_a_line_of_another_schema_is_refused(schema: object) -> None:
    record = json.loads(event_to_json(Paused(reason="lunch", at=1.0)))

    with pytest.raises(ValueError, match="read this log with the version of polaris-llm that wrote it"):
        event_from_json(json.dumps({**record, "schema": schema}))


def test_a_line_without_a_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="log schema None"):
        event_from_json('{"kind": "paused", "reason": "lunch", "at": 1.0}')


@pytest.mark.parametrize("line", ["[1]", "7", "null", '"run_started"', "", "{", '{"schema": 1, "kind": "made_up", "at": 1.0}'])
def test_a_line_that_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"schema|Expecting|made_up"):
        event_from_json(line)


def test_half_an_emoji_comes_back_from_its_line() -> None:
    event = ToolCompleted(call_id="a", content={"cut": "\ud83d"}, at=1.0)
    line = event_to_json(event)

    assert event_from_json(line.encode().decode()) == event


def ended_with(result: Any) -> RunEnded:
    """The end of a run with this result."""
    return RunEnded(run_id="run", status="completed", at=1.0, result=result)


def completed_with(content: Any) -> ToolCompleted:
    """The end of a call with this content."""
    return ToolCompleted(call_id="a", content=content, at=1.0)


@pytest.mark.parametrize("make", [ended_with, completed_with])
def test_json_as_deep_as_an_answer_may_be_comes_back_from_its_line(make: Callable[[Any], Event]) -> None:
    event = make(nested(MAX_DEPTH))

    assert event_from_json(event_to_json(event)) == event


@pytest.mark.parametrize(
    "event",
    [ToolStarted(call_id="a", at=float("inf")), completed_with(float("nan")), ApprovalGiven(call_id="a", approved=True, at=float("nan"))],
)
def test_what_json_has_not_never_reaches_a_log(event: Event) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        event_to_json(event)


def test_a_text_may_name_what_numbers_may_not_be() -> None:
    event = completed_with({"text": "NaN, Infinity and \ud83d", "number": 1e22, "large": 2**70})

    assert event_from_json(event_to_json(event)) == event


@given(values(RunEnded))
def test_the_outcome_says_what_the_end_says(ended: RunEnded) -> None:
    outcome = outcome_of("session", ended)

    facts = ("run_id", "status", "result", "error", "steps", "tool_calls", "cache_hits", "usage", "cost_usd", "duration_s")
    assert outcome.session_id == "session"
    assert [getattr(outcome, fact) for fact in facts] == [getattr(ended, fact) for fact in facts]
