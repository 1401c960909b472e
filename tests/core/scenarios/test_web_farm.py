"""The farm's queue and utility: closed forms, overload, and what holds whatever happens."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.scenarios.actions import Action, apply, fail, validate
from polaris_llm.core.scenarios.web_farm import FarmParameters, FarmState, advance, highest_dimmer, utility

PARAMETERS = FarmParameters()
SERVICE_S = PARAMETERS.optional_service_s

rates = st.floats(0, 200)
states = st.builds(
    FarmState,
    active=st.integers(0, 3),
    booting=st.lists(st.floats(0.1, 90), max_size=2).map(tuple),
    dimmer=st.floats(0, 1),
    backlog=st.floats(0, 600),
)


def settled_response_time_s(state: FarmState, arrival_rate: float) -> float:
    warm = advance(PARAMETERS, state, arrival_rate, 900)
    return advance(PARAMETERS, warm.state, arrival_rate, 60).interval.response_time_s


@pytest.mark.parametrize("servers", [1, 2, 3])
@pytest.mark.parametrize("load", [0.1, 0.5, 0.8, 0.95])
def test_response_time_settles_at_the_mean_of_processor_sharing(servers: int, load: float) -> None:
    arrival_rate = load * servers / SERVICE_S

    observed = settled_response_time_s(FarmState(active=servers), arrival_rate)

    assert observed == pytest.approx(SERVICE_S / (1 - load), rel=1e-3)


def test_utilisation_and_throughput_settle_at_the_offered_load() -> None:
    warm = advance(PARAMETERS, FarmState(active=2), 30.0, 900)

    interval = advance(PARAMETERS, warm.state, 30.0, 60).interval

    assert interval.utilisation == pytest.approx(30.0 * SERVICE_S / 2, rel=1e-3)
    assert interval.throughput == pytest.approx(30.0, rel=1e-3)


def test_dimmer_mixes_the_service_times() -> None:
    arrival_rate, dimmer = 40.0, 0.5
    service_s = 0.5 * (PARAMETERS.optional_service_s + PARAMETERS.basic_service_s)

    observed = settled_response_time_s(FarmState(active=2, dimmer=dimmer), arrival_rate)

    assert observed == pytest.approx(service_s / (1 - arrival_rate * service_s / 2), rel=1e-3)


def test_backlog_grows_by_what_the_servers_cannot_do() -> None:
    patient = FarmParameters(timeout_s=1000)
    busy = advance(patient, FarmState(active=3), 90.0, 60).state

    later = advance(patient, busy, 90.0, 60).state

    assert later.backlog - busy.backlog == pytest.approx(60 * (90.0 - 3 / SERVICE_S), rel=0.01)


def test_backlog_makes_the_next_period_slow_until_it_is_worked_off() -> None:
    rested, behind = FarmState(active=3), FarmState(active=3, backlog=500.0)

    first, second = advance(PARAMETERS, behind, 40.0, 30), advance(PARAMETERS, rested, 40.0, 30)
    third = advance(PARAMETERS, first.state, 40.0, 30)

    assert not first.interval.sla_met
    assert second.interval.sla_met
    assert third.state.backlog == pytest.approx(second.state.backlog, rel=0.05)


def test_requests_that_would_wait_longer_than_the_timeout_are_dropped() -> None:
    interval = advance(PARAMETERS, FarmState(active=1), 100.0, 120).interval

    assert interval.dropped > 0
    assert interval.response_time_s <= PARAMETERS.timeout_s


def test_farm_without_servers_drops_everything() -> None:
    progress = advance(PARAMETERS, FarmState(active=0, backlog=5.0), 10.0, 60)

    assert progress.interval.dropped == pytest.approx(605.0)
    assert progress.interval.response_time_s == PARAMETERS.timeout_s
    assert progress.state.backlog == 0


def test_idle_farm_is_quick_and_unused() -> None:
    interval = advance(PARAMETERS, FarmState(active=2), 0.0, 60).interval

    assert (interval.response_time_s, interval.utilisation, interval.sla_met) == (0.0, 0.0, True)


def test_booting_server_works_from_the_moment_it_is_up() -> None:
    booting = FarmState(active=1, booting=(30.0,))

    halfway = advance(PARAMETERS, booting, 30.0, 30).state
    whole = advance(PARAMETERS, booting, 30.0, 60).interval
    alone = advance(PARAMETERS, FarmState(active=1), 30.0, 60).interval

    assert (halfway.active, halfway.booting) == (2, ())
    assert whole.throughput > alone.throughput


@pytest.mark.parametrize(
    ("state", "arrival_rate", "response_time_s", "expected"),
    [
        pytest.param(FarmState(active=2), 40.0, 0.5, 40 * 1.5 + 10, id="full content, one server saved"),
        pytest.param(FarmState(active=2, booting=(9.0,)), 40.0, 0.5, 40 * 1.5, id="a booting server costs"),
        pytest.param(FarmState(active=1, dimmer=0.5), 40.0, 0.75, 40 * 1.25, id="less content earns less and saves nothing"),
        pytest.param(FarmState(active=1, dimmer=0.0), 40.0, 0.1, 40.0, id="no optional content"),
        pytest.param(FarmState(active=1), 40.0, 0.76, 1.5 * (40 - 3 / SERVICE_S), id="late below capacity is charged"),
        pytest.param(FarmState(active=3), 80.0, 0.76, 0.0, id="late above capacity earns nothing"),
    ],
)
def test_utility_is_the_one_swim_publishes(state: FarmState, arrival_rate: float, response_time_s: float, expected: float) -> None:
    assert utility(PARAMETERS, state, arrival_rate, response_time_s) == pytest.approx(expected)


@given(servers=st.integers(1, 3), arrival_rate=st.floats(1, 120), target_s=st.floats(0.05, 0.75))
def test_highest_dimmer_is_the_one_that_settles_at_the_target(servers: int, arrival_rate: float, target_s: float) -> None:
    dimmer = highest_dimmer(PARAMETERS, servers, arrival_rate, target_s)

    service_s = PARAMETERS.service_s(dimmer)
    settled_s = service_s / (1 - arrival_rate * service_s / servers)
    assert settled_s <= target_s * (1 + 1e-9)
    assert dimmer == 1 or settled_s == pytest.approx(target_s)


def test_highest_dimmer_of_a_farm_without_servers_is_none() -> None:
    assert highest_dimmer(PARAMETERS, 0, 10.0, 0.75) == 0


@given(state=states, arrival_rate=rates, seconds=st.floats(0.5, 180))
def test_no_request_is_lost_or_made(state: FarmState, arrival_rate: float, seconds: float) -> None:
    progress = advance(PARAMETERS, state, arrival_rate, seconds)

    came = state.backlog + arrival_rate * seconds
    went = progress.interval.throughput * seconds + progress.interval.dropped + progress.state.backlog
    assert went == pytest.approx(came, rel=1e-6, abs=1e-6)


@given(state=states, arrival_rate=rates, halves=st.integers(1, 60))
def test_two_halves_make_the_whole(state: FarmState, arrival_rate: float, halves: int) -> None:
    at_once = advance(PARAMETERS, state, arrival_rate, 2.0 * halves).state
    by_halves = advance(PARAMETERS, advance(PARAMETERS, state, arrival_rate, halves).state, arrival_rate, halves).state

    assert by_halves.backlog == pytest.approx(at_once.backlog, rel=1e-6, abs=1e-6)
    assert (by_halves.active, len(by_halves.booting)) == (at_once.active, len(at_once.booting))


actions = st.one_of(
    st.sampled_from([Action(action_type="NO_ACTION"), Action(action_type="ADD_SERVER"), Action(action_type="REMOVE_SERVER")]),
    st.builds(Action, action_type=st.just("SET_DIMMER"), value=st.floats(allow_nan=True) | st.floats(0, 1) | st.none()),
)
happenings = st.tuples(actions, st.integers(0, 2), rates)


@given(st.lists(happenings, max_size=8))
def test_farm_stays_within_its_bounds_whatever_is_done_and_breaks(happened: list[tuple[Action, int, float]]) -> None:
    state = FarmState(active=2)

    for action, broken, arrival_rate in happened:
        if validate(PARAMETERS, state, action) is None:
            state = apply(PARAMETERS, state, action)
        progress = advance(PARAMETERS, fail(state, broken), arrival_rate, 60)
        state, interval = progress.state, progress.interval

        assert 0 <= state.active <= state.powered <= PARAMETERS.max_servers
        assert 0 <= state.dimmer <= 1
        assert 0 <= interval.utilisation <= 1 + 1e-9
        assert 0 <= interval.response_time_s <= PARAMETERS.timeout_s
        assert abs(interval.utility) <= arrival_rate * 1.5 + 10 * PARAMETERS.max_servers + 1.5 * PARAMETERS.max_arrival_rate
        assert interval.sla_met == (interval.response_time_s <= PARAMETERS.sla_s)


@given(state=states, arrival_rate=rates)
def test_equal_questions_have_equal_answers(state: FarmState, arrival_rate: float) -> None:
    assert advance(PARAMETERS, state, arrival_rate, 60) == advance(PARAMETERS, replace(state), arrival_rate, 60)


@pytest.mark.parametrize(("arrival_rate", "seconds"), [(1.0, 0.0), (1.0, -5.0), (-1.0, 60.0)])
def test_time_does_not_run_backwards_and_requests_do_not_leave(arrival_rate: float, seconds: float) -> None:
    with pytest.raises(ValueError, match=r"cannot advance by .* pass a positive time"):
        advance(PARAMETERS, FarmState(), arrival_rate, seconds)
