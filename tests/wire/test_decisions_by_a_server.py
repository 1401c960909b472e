"""Scenarios decided by a model server over HTTP: whatever the server does, every decision is a row with its reason."""

import json
from typing import Any

import pytest

from polaris_llm import LLMRuntime, RunLimits, SimulationResults
from polaris_llm.core.scenarios.families import high_load
from support.openai_server import OpenAIServer, Reply, as_json, completion

pytestmark = pytest.mark.anyio

PERIODS = 2
DECISION = {"action_type": "SET_DIMMER", "value": 0.5, "reasoning": "half of it"}


def says(text: str, **changes: Any) -> Reply:
    """An answer of this text."""
    return as_json(200, completion({"role": "assistant", "content": text}, **changes))


def action(**fields: Any) -> Reply:
    """An answer that is one JSON action."""
    return says(json.dumps(fields))


async def decided_by(url: str) -> SimulationResults:
    """What came of a short scenario whose decisions this server makes."""
    settings = {
        "llm": {"kind": "local", "base_url": url, "model": "m", "max_retries": 0, "timeout_s": 5.0},
        "runtime": {"engine": "inline", "pickle_round_trip": True},
    }
    async with await LLMRuntime.astart(settings) as runtime:
        return await runtime.asimulate([high_load(1, PERIODS)], protocol="json", limits=RunLimits(max_steps=3, deadline_s=30.0))


async def test_actions_of_the_json_protocol_run_tools_and_decide(server: OpenAIServer) -> None:
    metrics = action(action="use_tool", tool_name="get_metrics", parameters={})
    final = action(action="final_answer", result=DECISION)
    server.will(metrics, final, metrics, final)

    results = await decided_by(server.url)

    (row,) = results.rows()
    assert (row.actions, row.invalid_decisions, row.steps) == (PERIODS, 0, 2 * PERIODS)
    assert "tool_result" in server.seen[1].json["messages"][-1]["content"]


async def test_actions_are_constrained_by_a_schema_with_the_tools_and_the_decision(server: OpenAIServer) -> None:
    server.will(*[action(action="final_answer", result=DECISION)] * PERIODS)

    await decided_by(server.url)

    schema = json.dumps(server.seen[0].json["response_format"])
    assert all(name in schema for name in ("get_metrics", "forecast_load", "simulate_action", "final_answer", "SET_DIMMER"))


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([action(action="use_tool", tool_name="delete_everything", parameters={})] * 3, "no final answer within 3 steps"),
        ([action(action="dance")] * 3, "unknown action 'dance'"),
        ([says('{"action": "final_answer", "result": {"action_ty')] * 3, "cut off"),
        ([action(action="final_answer", result={"action_type": "PANIC", "value": None, "reasoning": ""})] * 3, "PANIC"),
        ([action(action="final_answer", result={**DECISION, "value": 7})], "SET_DIMMER takes a value from 0 to 1"),
        ([as_json(500, {"error": {"message": "out of memory"}})], "out of memory"),
    ],
    ids=["unknown tool", "unknown action", "half an answer", "unknown decision", "impossible decision", "broken server"],
)
async def test_what_cannot_be_used_is_a_row_with_its_reason(server: OpenAIServer, replies: list[Reply], reason: str) -> None:
    server.will(*replies * PERIODS)

    results = await decided_by(server.url)

    (row,) = results.rows()
    assert (row.actions, row.invalid_decisions) == (0, PERIODS)
    (problem,) = results.problems()
    assert reason in problem


async def test_a_dead_server_is_a_row_with_its_reason() -> None:
    results = await decided_by("http://127.0.0.1:9/v1")

    (row,) = results.rows()
    assert (row.invalid_decisions, row.failed_runs, row.steps) == (PERIODS, PERIODS, PERIODS)
    (problem,) = results.problems()
    assert "could not be reached" in problem
