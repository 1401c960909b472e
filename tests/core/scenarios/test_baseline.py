"""The baselines: thresholds react to load, wait before they trade back, and beat doing nothing."""

from dataclasses import replace

import pytest

from polaris_llm.core.scenarios.actions import ADD_SERVER, NO_ACTION, REMOVE_SERVER, set_dimmer
from polaris_llm.core.scenarios.baseline import BASELINES, COOLDOWN_PERIODS, do_nothing, proactive, thresholds
from polaris_llm.core.scenarios.control_loop import ControlLoop, Policy, run_policy
from polaris_llm.core.scenarios.decision import Decision
from polaris_llm.core.scenarios.families import FAMILIES
from polaris_llm.core.scenarios.limits import DecisionLimits
from polaris_llm.core.scenarios.scenario import Scenario
from polaris_llm.core.scenarios.web_farm import FarmParameters, FarmState

DEMANDING = sorted(FAMILIES.keys() - {"normal"})
"""Where the farm must be adapted: under a normal load, whoever does nothing does well."""


def under_load(*trace: float, active: int = 1, dimmer: float = 1.0, booting: tuple[float, ...] = ()) -> Scenario:
    initial = FarmState(active=active, dimmer=dimmer, booting=booting)
    return Scenario(name="load", family="test", seed=0, trace=trace, initial=initial)


def test_flash_crowd_brings_a_server_then_less_content() -> None:
    loop = run_policy(under_load(15, 15, 70, 70, 70, 70, active=2), thresholds)

    assert loop.actions[0] == ADD_SERVER
    assert loop.actions[1].action_type == "SET_DIMMER"
    assert [record.decision.action for record in loop.records[:2]] == [NO_ACTION, NO_ACTION]


def test_high_utilisation_is_acted_on_before_the_sla_breaks() -> None:
    loop = ControlLoop.start(under_load(20, 20))

    assert loop.warm_up.sla_met
    assert thresholds(loop) == ADD_SERVER


def test_dimmer_goes_down_while_a_server_boots() -> None:
    loop = ControlLoop.start(under_load(40, 40, booting=(300.0,)))

    assert thresholds(loop) == set_dimmer(0.75)


def test_full_farm_without_content_to_give_up_does_nothing() -> None:
    loop = ControlLoop.start(under_load(3000, 3000, active=3, dimmer=0.0))

    assert thresholds(loop) == NO_ACTION


@pytest.mark.parametrize(("dimmer", "expected"), [(0.5, set_dimmer(0.75)), (1.0, REMOVE_SERVER)])
def test_spare_capacity_is_traded_back_after_the_cooldown(dimmer: float, expected: object) -> None:
    loop = run_policy(under_load(*[10] * (COOLDOWN_PERIODS + 2), active=3, dimmer=dimmer), thresholds)

    decided = [record.decision.action for record in loop.records]
    assert decided == [NO_ACTION] * COOLDOWN_PERIODS + [expected]


def test_doing_nothing_is_doing_nothing() -> None:
    assert do_nothing(ControlLoop.start(under_load(90, 90))) == NO_ACTION


@pytest.mark.parametrize("family", DEMANDING)
@pytest.mark.parametrize("seed", range(1, 6))
def test_thresholds_earn_more_than_doing_nothing(family: str, seed: int) -> None:
    scenario = FAMILIES[family](seed)

    reacting, idle = run_policy(scenario, thresholds), run_policy(scenario, do_nothing)

    assert reacting.utility > idle.utility
    assert reacting.sla_violations < idle.sla_violations


def test_last_server_is_never_removed() -> None:
    loop = ControlLoop.start(under_load(*[0.0] * 12, active=2))

    while not loop.finished:
        loop = loop.period(Decision(action=thresholds(loop)))

    assert loop.state.active == 1


@pytest.mark.parametrize("family", DEMANDING)
def test_planning_for_the_forecast_earns_more_than_doing_nothing(family: str) -> None:
    scenarios = [FAMILIES[family](seed) for seed in range(1, 11)]

    planned, idle = ([run_policy(scenario, policy).utility for scenario in scenarios] for policy in (proactive, do_nothing))

    assert all(ours > theirs for ours, theirs in zip(planned, idle, strict=True))


def test_forecast_orders_a_server_before_the_thresholds_do() -> None:
    planned, reacted = (run_policy(under_load(*range(8, 27, 2)), policy) for policy in (proactive, thresholds))

    ordered = [[record.decision.action for record in loop.records].index(ADD_SERVER) for loop in (planned, reacted)]
    assert ordered[0] < ordered[1]
    assert (planned.sla_violations, reacted.sla_violations > 0) == (0, True)


@pytest.mark.parametrize("policy", [proactive, thresholds])
@pytest.mark.parametrize("max_dimmer", [0.8, 1.0])
def test_spare_server_is_given_up_at_the_highest_dimmer_that_there_is(policy: Policy, max_dimmer: float) -> None:
    parameters = FarmParameters(limits=DecisionLimits(max_dimmer=max_dimmer))
    calm = replace(under_load(*[10] * 9, active=3, dimmer=max_dimmer), parameters=parameters)

    assert REMOVE_SERVER in run_policy(calm, policy).actions


def test_forecast_lowers_the_dimmer_until_the_server_is_there() -> None:
    loop = run_policy(under_load(20, 40, 40, 40, 40, 40), proactive)

    assert {action.action_type for action in loop.actions[:2]} == {"ADD_SERVER", "SET_DIMMER"}
    assert loop.records[-1].interval.sla_met


@pytest.mark.parametrize("policy", BASELINES.values(), ids=BASELINES)
@pytest.mark.parametrize(
    "limits",
    [
        DecisionLimits(max_dimmer_step=0.1),
        DecisionLimits(actions=("ADD_SERVER",)),
        DecisionLimits(actions=("SET_DIMMER",), min_dimmer=0.4, max_dimmer=0.8),
        DecisionLimits(actions=()),
    ],
)
@pytest.mark.parametrize("trace", [(15, 15, 70, 70, 90, 90, 20, 5, 5, 5, 5), (60.0,) * 9])
def test_baselines_keep_to_the_limits(policy: Policy, limits: DecisionLimits, trace: tuple[float, ...]) -> None:
    scenario = replace(under_load(*trace, active=2), parameters=FarmParameters(limits=limits))

    loop = run_policy(scenario, policy)  # an impossible action would raise

    assert {action.action_type for action in loop.actions} <= set(limits.actions)
