"""How the scripted reasoner thinks: which calls it plans, which actions it tries, and which it takes."""

from dataclasses import replace

from polaris_llm.core.scenarios.actions import ADD_SERVER, NO_ACTION, REMOVE_SERVER
from polaris_llm.core.scenarios.deliberation import SURVEY, Load, Metrics, Servers, ToolReply, candidates, conclusion, plan

SERVERS = Servers(active=2, booting=0, max=3, max_rate_each=22.0)
METRICS = Metrics(servers=SERVERS, dimmer=1.0, backlog=0.0, control_period_s=60.0)
CALM, BUSY = Load(expected=10.0, high=12.0, observed=(11.0, 10.0)), Load(expected=50.0, high=60.0, observed=(50.0,))


def dimmers(metrics: Metrics, load: Load) -> list[float]:
    return [action.value for action in candidates(metrics, load) if action.value is not None]


def test_plan_is_the_survey_until_both_tools_have_answered() -> None:
    metrics = ToolReply(name="get_metrics", content={"servers": {}, "dimmer": 1})

    assert plan(()) == SURVEY
    assert plan((metrics,)) == SURVEY


def test_staying_is_always_tried_and_servers_only_where_it_makes_sense() -> None:
    full = replace(METRICS, servers=replace(SERVERS, active=3))

    assert set(candidates(METRICS, CALM)) == {NO_ACTION, ADD_SERVER, REMOVE_SERVER}
    assert {action.action_type for action in candidates(METRICS, BUSY)} == {"NO_ACTION", "ADD_SERVER", "SET_DIMMER"}
    assert ADD_SERVER not in candidates(full, BUSY)


def test_no_server_is_given_up_while_the_load_may_rise() -> None:
    assert REMOVE_SERVER in candidates(METRICS, replace(CALM, observed=(9.0, 10.0, 10.0)))
    assert REMOVE_SERVER in candidates(METRICS, replace(CALM, observed=()))
    assert REMOVE_SERVER not in candidates(METRICS, replace(CALM, observed=(11.0, 9.9, 10.0)))
    assert REMOVE_SERVER not in candidates(METRICS, replace(CALM, observed=(10.0,)))


def test_dimmers_fit_the_expected_the_high_and_a_still_higher_load() -> None:
    bearable = 2 * 22.0 * 0.9

    assert dimmers(METRICS, BUSY) == [round(bearable / rate, 2) for rate in (50.0, 60.0, 75.0)]


def test_backlog_counts_as_load() -> None:
    behind = replace(METRICS, backlog=600.0)

    assert max(dimmers(behind, BUSY)) < max(dimmers(METRICS, BUSY))


def test_present_dimmer_is_not_tried_again() -> None:
    assert dimmers(METRICS, CALM) == []
    assert dimmers(replace(METRICS, dimmer=0.5), CALM) == [1.0]


def test_best_trial_is_taken_and_the_first_of_equals() -> None:
    def trial(action_type: str, mean_utility: float) -> ToolReply:
        return ToolReply(name="simulate_action", content={"action_type": action_type, "value": None, "mean_utility": mean_utility})

    assert conclusion((trial("NO_ACTION", 5.0), trial("ADD_SERVER", 5.0)))["action_type"] == "NO_ACTION"
    assert conclusion((trial("NO_ACTION", 5.0), trial("ADD_SERVER", 6.0)))["action_type"] == "ADD_SERVER"


def test_impossible_trial_is_no_trial() -> None:
    impossible = ToolReply(
        name="simulate_action", content={"action_type": "ADD_SERVER", "value": None, "possible": False, "reason": "full"}
    )

    assert conclusion((impossible,))["action_type"] == "NO_ACTION"
