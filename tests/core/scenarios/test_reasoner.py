"""The scripted reasoner: it reads what its tools answer, in both protocols, and earns its keep."""

import json
from dataclasses import replace
from statistics import fmean
from typing import Any

import pytest
from pydantic import JsonValue

from polaris_llm.core.inference import FinishReason, ModelRequest
from polaris_llm.core.parts import ModelMessage, ToolResultPart, text_message
from polaris_llm.core.runs import Protocol
from polaris_llm.core.scenarios.baseline import do_nothing, thresholds
from polaris_llm.core.scenarios.control_loop import ControlLoop, run_policy
from polaris_llm.core.scenarios.decision import decision_from
from polaris_llm.core.scenarios.families import FAMILIES, high_load
from polaris_llm.core.scenarios.limits import DecisionLimits
from polaris_llm.core.scenarios.reasoner import MODEL, reason
from polaris_llm.core.scenarios.scenario import Scenario
from polaris_llm.core.scenarios.web_farm import FarmParameters, FarmState

SEEDS = range(1, 6)


def snapshot_of(rate: float, **state: Any) -> dict[str, JsonValue]:
    initial = FarmState(**{"active": 2, **state})
    return ControlLoop.start(Scenario(name="steady", family="test", seed=0, trace=(rate,) * 9, initial=initial)).snapshot()


def test_native_reasoning_surveys_then_tries_then_answers(make_agent: Any) -> None:
    responses = make_agent().deliberate(snapshot_of(45.0))

    names = [[call.name for call in response.tool_calls] for response in responses]
    assert names[0] == ["get_metrics", "forecast_load"]
    assert set(names[1]) == {"simulate_action"}
    assert len(names[1]) >= 3
    assert names[2] == []
    assert [response.finish_reason for response in responses] == [FinishReason.TOOL_CALLS, FinishReason.TOOL_CALLS, FinishReason.STOP]


def test_json_reasoning_takes_one_action_a_step(make_agent: Any) -> None:
    actions = [json.loads(response.text) for response in make_agent(protocol="json").deliberate(snapshot_of(45.0))]

    assert [action.get("tool_name") for action in actions[:3]] == ["get_metrics", "forecast_load", "simulate_action"]
    assert [action["action"] for action in actions] == ["use_tool"] * (len(actions) - 1) + ["final_answer"]


def test_both_protocols_come_to_the_same_answer(make_agent: Any) -> None:
    for rate in (10.0, 45.0, 65.0):
        snapshot = snapshot_of(rate)
        assert make_agent(protocol="json").answer(snapshot) == make_agent().answer(snapshot)


def test_answer_is_usable(make_agent: Any, protocol: Protocol) -> None:
    decision = decision_from(make_agent(protocol=protocol).answer(snapshot_of(60.0)), FarmParameters(), FarmState(active=2))

    assert decision.problem is None
    assert decision.action.action_type in {"SET_DIMMER", "ADD_SERVER"}


@pytest.mark.parametrize("favourite", ["NO_ACTION", "ADD_SERVER", "SET_DIMMER"])
def test_decision_follows_what_the_simulations_say(make_agent: Any, protocol: Protocol, favourite: str) -> None:
    def favour(name: str, content: JsonValue) -> JsonValue:
        if isinstance(content, dict) and content.get("action_type") == favourite:
            return {**content, "mean_utility": 1e6}
        return content

    answer = make_agent(protocol=protocol, tamper=favour).answer(snapshot_of(60.0))

    assert answer["action_type"] == favourite


def test_trials_follow_what_the_survey_says(make_agent: Any) -> None:
    def double_load(name: str, content: JsonValue) -> JsonValue:
        if name != "forecast_load" or not isinstance(content, dict):
            return content
        return {**content, "expected": 90.0, "high": 99.0}

    calm = make_agent().deliberate(snapshot_of(30.0))[1].tool_calls
    alarmed = make_agent(tamper=double_load).deliberate(snapshot_of(30.0))[1].tool_calls

    tried = [[call.arguments["value"] for call in calls if "value" in call.arguments] for calls in (calm, alarmed)]
    assert min(tried[1]) < 0.5
    assert all(value > 0.5 for value in tried[0])


def test_failed_tools_lead_to_no_action(make_agent: Any, protocol: Protocol) -> None:
    answer = make_agent(protocol=protocol, tamper=lambda name, content: {"error": "down"}).answer(snapshot_of(60.0))

    assert answer["action_type"] == "NO_ACTION"


def test_results_marked_as_errors_are_not_believed() -> None:
    trial: dict[str, JsonValue] = {"action_type": "ADD_SERVER", "value": None, "mean_utility": 50.0}

    def answer(is_error: bool) -> JsonValue:
        result = ToolResultPart(call_id="1", name="simulate_action", content=trial, is_error=is_error)
        messages = (text_message("user", "Adapt."), ModelMessage(role="tool", parts=(result,)))
        action_type: JsonValue = json.loads(reason(ModelRequest(model="mock", messages=messages)).text)["action_type"]
        return action_type

    assert (answer(is_error=False), answer(is_error=True)) == ("ADD_SERVER", "NO_ACTION")


@pytest.mark.parametrize("max_steps", [1, 2, 3])
def test_last_step_is_an_answer_from_what_is_known(make_agent: Any, protocol: Protocol, max_steps: int) -> None:
    agent = make_agent(protocol=protocol, max_steps=max_steps)

    decision = decision_from(agent.answer(snapshot_of(60.0)), FarmParameters(), FarmState(active=2))

    assert decision.problem is None


def test_identical_prompts_get_identical_answers(make_agent: Any, protocol: Protocol) -> None:
    agent = make_agent(protocol=protocol)

    assert agent.deliberate(snapshot_of(45.0)) == agent.deliberate(snapshot_of(45.0))


def test_new_run_in_one_history_starts_from_scratch(make_agent: Any) -> None:
    agent = make_agent()
    first = agent.request(agent.opening())
    call = reason(first)
    results = tuple(ToolResultPart(call_id=part.call_id, name=part.name, content=None) for part in call.tool_calls)
    finished = (*first.messages, call.as_message(), ModelMessage(role="tool", parts=results))
    ended = (*finished, reason(agent.request(finished)).as_message(), text_message("user", "Next period."))

    again = reason(agent.request(ended))

    assert [part.name for part in again.tool_calls] == ["get_metrics", "forecast_load"]
    assert {part.call_id for part in again.tool_calls}.isdisjoint(part.call_id for part in call.tool_calls)


def test_responses_are_labelled_mock_and_estimate_their_tokens(make_agent: Any, protocol: Protocol) -> None:
    responses = make_agent(protocol=protocol).deliberate(snapshot_of(45.0))

    inputs = [response.usage.input_tokens for response in responses]
    assert all((response.model, response.metadata) == (MODEL, {"mock": True}) for response in responses)
    assert inputs == sorted(inputs)
    assert all(response.usage.output_tokens > 5 for response in responses)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_reasoner_earns_more_than_the_thresholds(make_agent: Any, family: str) -> None:
    scenarios = [FAMILIES[family](seed) for seed in SEEDS]

    loops = [make_agent().drive(scenario) for scenario in scenarios]

    assert fmean(loop.utility for loop in loops) > fmean(run_policy(scenario, thresholds).utility for scenario in scenarios)
    assert sum(loop.invalid_decisions for loop in loops) == 0


@pytest.mark.parametrize("family", sorted(FAMILIES.keys() - {"normal"}))
def test_reasoner_earns_more_than_doing_nothing_where_something_must_be_done(make_agent: Any, family: str) -> None:
    scenarios = [FAMILIES[family](seed) for seed in SEEDS]

    loops = [make_agent().drive(scenario) for scenario in scenarios]

    assert fmean(loop.utility for loop in loops) > fmean(run_policy(scenario, do_nothing).utility for scenario in scenarios)


def test_reasoner_keeps_to_the_limits_that_its_tools_tell(make_agent: Any) -> None:
    limits = DecisionLimits(actions=("SET_DIMMER",), min_dimmer=0.2, max_dimmer_step=0.3)
    scenario = replace(high_load(1), parameters=FarmParameters(limits=limits))

    loop = make_agent().drive(scenario)

    assert loop.invalid_decisions == 0
    assert {action.action_type for action in loop.actions} == {"SET_DIMMER"}
    assert min(record.state.dimmer for record in loop.records) >= 0.2


def test_reasoner_takes_several_kinds_of_action(make_agent: Any) -> None:
    loop = make_agent().drive(high_load(1))

    assert {action.action_type for action in loop.actions} == {"ADD_SERVER", "SET_DIMMER"}


def test_spare_server_is_given_up(make_agent: Any) -> None:
    loop = ControlLoop.start(Scenario(name="calm", family="test", seed=0, trace=(10.0,) * 5, initial=FarmState(active=3)))

    loop = loop.period(loop.decide(make_agent().answer(loop.snapshot())))
    assert loop.state.active == 3  # one observation does not tell where the load goes
    loop = loop.period(loop.decide(make_agent().answer(loop.snapshot())))

    assert loop.state.active == 2
