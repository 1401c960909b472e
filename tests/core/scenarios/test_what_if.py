"""Predictions: right when the load is as forecast, and far-sighted enough for servers that boot."""

from dataclasses import replace

import pytest

from polaris_llm.core.scenarios.actions import ADD_SERVER, NO_ACTION, REMOVE_SERVER, Action, set_dimmer
from polaris_llm.core.scenarios.control_loop import ControlLoop, Snapshot
from polaris_llm.core.scenarios.decision import Decision
from polaris_llm.core.scenarios.scenario import Scenario
from polaris_llm.core.scenarios.web_farm import FarmState
from polaris_llm.core.scenarios.what_if import LOOK_AHEAD, predict


def steady(rate: float, active: int = 2, dimmer: float = 1.0) -> ControlLoop:
    state = FarmState(active=active, dimmer=dimmer)
    return ControlLoop.start(Scenario(name="steady", family="test", seed=0, trace=(rate,) * 9, initial=state))


def view(rate: float, active: int = 2, dimmer: float = 1.0) -> Snapshot:
    return steady(rate, active, dimmer).view()


@pytest.mark.parametrize("action", [NO_ACTION, set_dimmer(0.5), REMOVE_SERVER, ADD_SERVER], ids=str)
def test_next_period_is_as_predicted_when_the_load_is_as_forecast(action: Action) -> None:
    loop = steady(30.0)

    predicted = predict(loop.view(), action).next_period
    happened = loop.period(Decision(action=action)).records[-1].interval

    assert predicted.response_time_s == pytest.approx(happened.response_time_s)
    assert predicted.utility == pytest.approx(happened.utility)


def test_server_that_boots_pays_off_where_the_load_needs_it() -> None:
    assert predict(view(45.0), ADD_SERVER).mean_utility > predict(view(45.0), NO_ACTION).mean_utility


def test_server_pays_off_by_the_content_that_it_makes_possible_later() -> None:
    frugal = view(45.0, dimmer=0.6)

    assert predict(frugal, ADD_SERVER).mean_utility > predict(frugal, NO_ACTION).mean_utility


def test_risk_counts_where_the_forecast_may_be_too_low() -> None:
    at_the_edge = view(39.0)

    bold, careful = predict(at_the_edge, NO_ACTION), predict(at_the_edge, set_dimmer(0.75))

    assert bold.next_period.utility > careful.next_period.utility
    assert bold.mean_utility < careful.mean_utility


def test_server_that_is_not_needed_does_not_pay_off() -> None:
    assert predict(view(15.0), ADD_SERVER).mean_utility < predict(view(15.0), REMOVE_SERVER).mean_utility


def test_content_is_given_up_rather_than_the_sla() -> None:
    overloaded = view(60.0)

    assert predict(overloaded, set_dimmer(0.6)).mean_utility > predict(overloaded, NO_ACTION).mean_utility


def test_prediction_looks_no_further_than_the_scenario_goes() -> None:
    snapshot = view(20.0)

    assert predict(snapshot, NO_ACTION).periods == LOOK_AHEAD
    assert predict(replace(snapshot, period=8), NO_ACTION).periods == 1


def test_impossible_action_has_no_prediction() -> None:
    with pytest.raises(ValueError, match="ADD_SERVER: all 3 servers"):
        predict(view(20.0, active=3), ADD_SERVER)
