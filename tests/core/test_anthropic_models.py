"""What the Anthropic codec asks of models of different generations."""

import json
from typing import Any

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.providers.anthropic_models import can_be_forced
from support.anthropic_messages import CODEC
from support.model_requests import a_request

OLD = [
    "claude-3-5-sonnet-20241022",
    "claude-sonnet-4-20250514",
    "claude-haiku-4-5",
    "claude-opus-4-6",
    "anthropic.claude-opus-4-6-v1:0",
    "qwen3",
]
NEW = [
    "claude-opus-4-7",
    "claude-opus-5-5",
    "claude-fable-5",
    "claude-mythos-preview",
    "us.anthropic.claude-sonnet-5-v1:0",
    "Claude-Opus-6",
]
FORCED = [*OLD, "claude-opus-4-7", "claude-sonnet-5", "claude-fable-5-20260609"]
UNFORCED = ["claude-fable-5-1", "claude-opus-5-5", "claude-sonnet-5-5-20260928", "claude-mythos-preview", "Claude-Opus-6"]
BY_BUDGET = ["claude-3-7-sonnet-20250219", "claude-haiku-4-5-20251001", "claude-opus-4@20250514"]
BY_EFFORT = ["claude-opus-4-6", "claude-sonnet-4-6", "claude-haiku-5-5", "claude-mythos-preview", "qwen3"]


def payload_of(**changes: Any) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(CODEC.encode(a_request(**changes)).body)
    return payload


@pytest.mark.parametrize("model", OLD)
def test_models_that_take_a_temperature_are_told_the_usual_one(model: str) -> None:
    assert payload_of(model=model)["temperature"] == 0.1


@pytest.mark.parametrize("model", NEW)
def test_models_that_take_none_are_not_told_what_nobody_asked_for(model: str) -> None:
    assert "temperature" not in payload_of(model=model)


@pytest.mark.parametrize("model", [*OLD, *NEW])
def test_a_temperature_that_was_asked_for_is_sent_as_it_is(model: str) -> None:
    assert payload_of(model=model, temperature=1.5)["temperature"] == 1.5


def test_the_usual_temperature_makes_room_for_a_top_p() -> None:
    payload = payload_of(model="claude-haiku-4-5", top_p=0.9)

    assert payload["top_p"] == 0.9
    assert "temperature" not in payload


@pytest.mark.parametrize("model", BY_EFFORT)
def test_models_that_think_by_effort_are_told_a_word(model: str) -> None:
    payload = payload_of(model=model, reasoning_effort="high")

    assert payload["thinking"] == {"type": "adaptive"}
    assert payload["output_config"] == {"effort": "high"}
    assert "temperature" not in payload


@pytest.mark.parametrize("model", BY_BUDGET)
def test_older_models_are_told_a_number_of_tokens(model: str) -> None:
    payload = payload_of(model=model, reasoning_effort="medium", max_tokens=8000)

    assert payload["thinking"] == {"type": "enabled", "budget_tokens": 4096}
    assert not payload.keys() & {"output_config", "temperature"}


def test_a_budget_must_leave_room_for_the_answer() -> None:
    with pytest.raises(LLMConfigurationError, match="needs max_tokens above 16384, and it is 1000"):
        payload_of(model="claude-haiku-4-5", reasoning_effort="high")


@pytest.mark.parametrize("model", [*BY_EFFORT, *BY_BUDGET])
def test_thinking_can_be_turned_off(model: str) -> None:
    payload = payload_of(model=model, reasoning_effort="none")

    assert payload["thinking"] == {"type": "disabled"}
    assert "output_config" not in payload


@pytest.mark.parametrize("model", ["claude-opus-5", "claude-haiku-4-5"])
def test_an_effort_that_a_model_does_not_have_is_refused_with_those_it_has(model: str) -> None:
    with pytest.raises(LLMConfigurationError, match="no reasoning_effort 'minimal'; use one of none, low, medium, high"):
        payload_of(model=model, reasoning_effort="minimal")


def test_an_effort_and_a_schema_go_together() -> None:
    payload = payload_of(model="claude-opus-5", reasoning_effort="low", response_schema={"type": "string"})

    assert payload["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "string"}}}


@pytest.mark.parametrize("model", FORCED)
def test_models_before_5_1_can_be_made_to_call_a_tool(model: str) -> None:
    assert can_be_forced(a_request(), model)
    assert can_be_forced(a_request(reasoning_effort="none"), model)


@pytest.mark.parametrize("model", UNFORCED)
def test_later_ones_cannot(model: str) -> None:
    assert not can_be_forced(a_request(), model)


def test_nobody_can_be_made_to_call_a_tool_while_thinking_by_a_budget() -> None:
    effort, extras = a_request(reasoning_effort="low"), a_request(extras={"anthropic": {"thinking": {"type": "enabled"}}})

    assert [can_be_forced(effort, model) for model in ("claude-haiku-4-5", "claude-opus-4-6")] == [False, True]
    assert not can_be_forced(extras, "claude-opus-4-6")
