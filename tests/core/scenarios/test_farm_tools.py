"""The tools read the snapshot of the session's context, and nothing else."""

import copy
import json

import pytest
from jsonschema import Draft202012Validator
from pydantic import JsonValue

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.models import ToolResult
from polaris_llm.core.scenarios.control_loop import ControlLoop
from polaris_llm.core.scenarios.farm_tools import forecast_load, get_history, get_metrics, past_decisions, simulate_action
from polaris_llm.core.scenarios.scenario import Scenario
from polaris_llm.core.scenarios.web_farm import FarmState
from polaris_llm.core.tool_registry import ToolCallContext, ToolRegistry

TOOLS = (get_metrics, get_history, forecast_load, simulate_action, past_decisions)


def call_on(rate: float, state: FarmState) -> ToolCallContext:
    scenario = Scenario(name="steady", family="test", seed=0, trace=(rate,) * 9, initial=state)
    return ToolCallContext(context={"farm": ControlLoop.start(scenario).snapshot()})


BUSY = call_on(40.0, FarmState(active=2))


async def run(name: str, arguments: dict[str, JsonValue], call: ToolCallContext = BUSY) -> ToolResult:
    registry = ToolRegistry()
    for tool in TOOLS:
        registry.register_tool(tool)
    return await registry.run_tool(name, arguments, CallContext(), call.context)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_tool_is_pure_described_and_hides_its_context(tool: object) -> None:
    schema = tool.get_schema()  # type: ignore[attr-defined]

    Draft202012Validator.check_schema(schema.json_schema())
    assert schema.effect == "pure"
    assert len(schema.description) > 30
    assert "call" not in schema.parameters
    assert all("description" in parameter for parameter in schema.parameters.values())


def test_metrics_are_those_of_the_last_period() -> None:
    metrics = get_metrics(BUSY)

    assert metrics["arrival_rate"] == 40.0
    assert metrics["servers"] == {"active": 2, "booting": 0, "failed": 0, "max": 3, "max_rate_each": 22.458}
    assert metrics["sla_met"] is True


def test_forecast_shows_what_was_observed_and_a_range_around_what_is_expected() -> None:
    load = forecast_load(60.0, BUSY)

    assert load["observed"] == [40.0]
    assert load["low"] < load["expected"] == 40.0 < load["high"]  # type: ignore[operator]


def test_simulation_tells_relief_from_overload() -> None:
    overloaded = call_on(60.0, FarmState(active=2))

    stay = simulate_action("NO_ACTION", overloaded)
    relieved = simulate_action("SET_DIMMER", overloaded, 0.3)

    assert (stay["next_period"]["sla_met"], relieved["next_period"]["sla_met"]) == (False, True)  # type: ignore[index, call-overload]
    assert relieved["mean_utility"] > stay["mean_utility"]  # type: ignore[operator]


def test_impossible_action_is_an_answer_with_the_reason() -> None:
    assert simulate_action("SET_DIMMER", BUSY, 1.5) == {
        "action_type": "SET_DIMMER",
        "value": 1.5,
        "possible": False,
        "reason": "SET_DIMMER takes a value from 0 to 1, not 1.5",
    }


def test_results_are_short_json_and_leave_the_snapshot_alone() -> None:
    before = copy.deepcopy(dict(BUSY.context))

    results = [get_metrics(BUSY), forecast_load(120.0, BUSY), simulate_action("ADD_SERVER", BUSY)]

    assert all(len(json.dumps(result)) < 500 for result in results)
    assert dict(BUSY.context) == before


@pytest.mark.anyio
async def test_registry_runs_the_tools_with_the_sessions_context() -> None:
    result = await run("simulate_action", {"action_type": "SET_DIMMER", "value": 1})

    assert result.success, result.error_message
    assert result.result == simulate_action("SET_DIMMER", BUSY, 1.0)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "arguments", "problem"),
    [
        ("forecast_load", {"horizon_s": 0}, "horizon_s"),
        ("simulate_action", {"action_type": "REBOOT"}, "'REBOOT' is not one of"),
        ("simulate_action", {"action_type": "SET_DIMMER", "value": "low"}, "'low'"),
    ],
)
async def test_wrong_arguments_are_refused(name: str, arguments: dict[str, JsonValue], problem: str) -> None:
    result = await run(name, arguments)

    assert not result.success
    assert problem in (result.error_message or "")


@pytest.mark.anyio
async def test_session_without_a_farm_is_told_the_remedy() -> None:
    result = await run("get_metrics", {}, ToolCallContext())

    assert not result.success
    assert "context={'farm': loop.snapshot()}" in (result.error_message or "")


def test_history_is_what_the_snapshot_shows() -> None:
    (only,) = get_history(BUSY)

    assert isinstance(only, dict)
    assert (only["arrival_rate"], only["sla_met"]) == (40.0, True)


def test_past_decisions_tell_what_was_done_why_and_what_came_of_it() -> None:
    loop = ControlLoop.start(Scenario(name="steady", family="test", seed=0, trace=(40.0,) * 9, initial=FarmState(active=2)))
    loop = loop.period(loop.decide({"action_type": "SET_DIMMER", "value": 0.5, "reasoning": "it may rise"}))
    loop = loop.period(loop.decide({"action_type": "SET_DIMMER", "value": 7, "reasoning": "it rises"}))
    call = ToolCallContext(context={"farm": loop.snapshot()})

    first, second = past_decisions(call)

    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert (first["action"], first["reasoning"], first["period"]) == ("SET_DIMMER(0.5)", "it may rise", 1)
    assert first["utility_before"] == get_history(call)[0]["utility"]  # type: ignore[call-overload,index]
    assert second["problem"] == "SET_DIMMER takes a value from 0 to 1, not 7.0"
    assert past_decisions(call, "SET_DIMMER") == [first]
