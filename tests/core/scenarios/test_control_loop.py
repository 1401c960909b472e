"""The control loop as a fold: what it shows, what it records, and where it ends."""

import pytest

from polaris_llm.core.scenarios.actions import ADD_SERVER, NO_ACTION, set_dimmer
from polaris_llm.core.scenarios.baseline import thresholds
from polaris_llm.core.scenarios.control_loop import HISTORY, SNAPSHOT, ControlLoop, run_policy
from polaris_llm.core.scenarios.decision import Decision
from polaris_llm.core.scenarios.families import failure_recovery, high_load
from polaris_llm.core.scenarios.scenario import Failure, Scenario
from polaris_llm.core.scenarios.web_farm import FarmState

SCENARIO = Scenario(name="small", family="test", seed=0, trace=(10.0, 20.0, 30.0), initial=FarmState(active=2))


def test_warm_up_is_observed_and_not_scored() -> None:
    loop = ControlLoop.start(SCENARIO)

    assert [interval.arrival_rate for interval in loop.history] == [10.0]
    assert (loop.records, loop.utility, loop.state.time_s) == ((), 0, 60.0)


def test_each_period_meets_its_rate_of_the_trace() -> None:
    loop = ControlLoop.start(SCENARIO).period(Decision()).period(Decision())

    assert [record.interval.arrival_rate for record in loop.records] == [20.0, 30.0]
    assert loop.finished
    assert loop.utility == sum(record.interval.utility for record in loop.records)


def test_finished_loop_takes_no_further_decision() -> None:
    loop = run_policy(SCENARIO, lambda _: NO_ACTION)

    with pytest.raises(ValueError, match="'small' is over after 2 periods: start a new loop"):
        loop.period(Decision())


def test_decision_takes_effect_in_its_period_and_leaves_the_loop_it_was_made_for() -> None:
    before = ControlLoop.start(SCENARIO)

    after = before.period(Decision(action=ADD_SERVER))

    assert (before.state.active, after.state.active) == (2, 3)
    assert after.actions == (ADD_SERVER,)


def test_failures_break_servers_in_their_period() -> None:
    scenario = Scenario(
        name="f", family="test", seed=0, trace=(10.0,) * 3, initial=FarmState(active=3), failures=(Failure(period=2, servers=2),)
    )

    loop = run_policy(scenario, lambda _: NO_ACTION)

    assert [record.failed for record in loop.records] == [0, 2]
    assert [record.state.active for record in loop.records] == [3, 1]
    assert loop.state.failed == 2


def test_unusable_answers_are_counted_and_do_nothing() -> None:
    loop = ControlLoop.start(SCENARIO)

    loop = loop.period(loop.decide("restart everything")).period(Decision(action=set_dimmer(0.5)))

    assert loop.invalid_decisions == 1
    assert loop.actions == (set_dimmer(0.5),)


def test_sla_violations_are_the_periods_that_were_too_slow() -> None:
    loop = run_policy(high_load(1), lambda _: NO_ACTION)

    assert loop.sla_violations == sum(record.interval.response_time_s > 0.75 for record in loop.records) > 6


def test_snapshot_is_json_of_the_view() -> None:
    loop = ControlLoop.start(failure_recovery(2)).period(Decision(action=set_dimmer(0.7)))

    assert SNAPSHOT.validate_python(loop.snapshot()) == loop.view()


def test_snapshot_shows_the_recent_past_only() -> None:
    loop = run_policy(high_load(1, periods=10), lambda _: NO_ACTION)

    assert loop.view().history == loop.history[-HISTORY:]


def test_snapshot_says_nothing_of_what_comes() -> None:
    past = (10.0, 20.0, 25.0)
    calm = Scenario(name="same", family="test", seed=0, trace=(*past, 25.0))
    stormy = Scenario(name="same", family="test", seed=0, trace=(*past, 90.0), failures=(Failure(period=3),))

    snapshots = [ControlLoop.start(scenario).period(Decision()).period(Decision()).snapshot() for scenario in (calm, stormy)]

    assert snapshots[0] == snapshots[1]


def test_same_scenario_and_policy_make_the_same_loop() -> None:
    assert run_policy(high_load(4), thresholds) == run_policy(high_load(4), thresholds)
