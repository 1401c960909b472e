"""The farm's queues against published values, and against a simulation of every request."""

import math
from dataclasses import dataclass, replace
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.scenarios.actions import fail
from polaris_llm.core.scenarios.queueing import Dispatch, erlang_b, erlang_c, longest_service_s, mean_jobs, mean_response_s, settled
from polaris_llm.core.scenarios.web_farm import FarmParameters, FarmState, advance
from support.farm_events import SharingFarm, exponential, mixed, shared_queue

FARM = FarmParameters()
SERVICE_S = FARM.optional_service_s
DISPATCHERS: tuple[Dispatch, ...] = ("round_robin", "shared_queue")


@pytest.mark.parametrize(
    ("servers", "waiting_share", "queue", "present"),
    # The worked example of the multiple-server template to J. D. Camm et al.: Business Analytics, Cengage: lambda = 10, mu = 12.
    [(2, 0.245, 0.175, 1.008), (3, 0.058, 0.022, 0.856), (4, 0.011, 0.003, 0.836), (5, 0.002, 0.000, 0.834)],
)
def test_shared_queue_has_the_published_figures(servers: int, waiting_share: float, queue: float, present: float) -> None:
    offered = 10 / 12

    assert erlang_c(servers, offered) == pytest.approx(waiting_share, abs=6e-4)
    assert mean_jobs("shared_queue", servers, offered / servers) == pytest.approx(present, abs=6e-4)
    assert mean_jobs("shared_queue", servers, offered / servers) - offered == pytest.approx(queue, abs=6e-4)


def test_three_servers_have_the_figures_of_schaums_outline() -> None:
    # R. Bronson: Operations Research, 1982, problem 24.6: 300 arrivals a year, each keeps one of three servers for two days.
    per_year = mean_response_s("shared_queue", 3, 300, 1 / 182.5)

    assert mean_jobs("shared_queue", 3, 300 / (3 * 182.5)) == pytest.approx(1.996, abs=6e-4)
    assert per_year == pytest.approx(0.006654, abs=6e-7)
    assert per_year - 1 / 182.5 == pytest.approx(0.001175, abs=6e-7)


def test_one_server_has_the_figures_of_schaums_outline() -> None:
    # The same, problems 23.3 and 23.14.
    assert mean_jobs("round_robin", 1, 24 / 30) == pytest.approx(4)
    assert mean_response_s("round_robin", 1, 24, 1 / 30) == pytest.approx(1 / 6)
    assert mean_jobs("shared_queue", 1, 0.75) - 0.75 == pytest.approx(2.25)


def test_small_systems_have_the_fractions_of_the_textbooks() -> None:
    assert erlang_b(2, 1.0) == pytest.approx(1 / 5)
    assert erlang_c(1, 0.7) == pytest.approx(0.7)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    assert erlang_c(3, 2.0) == pytest.approx(4 / 9)
    assert mean_jobs("shared_queue", 3, 2 / 3) == pytest.approx(2 + 8 / 9)


def test_one_server_is_the_same_with_either_dispatcher() -> None:
    for utilisation in (0.1, 0.5, 0.9):
        assert mean_jobs("shared_queue", 1, utilisation) == pytest.approx(mean_jobs("round_robin", 1, utilisation))


@given(servers=st.integers(2, 20), utilisation=st.floats(0.05, 0.98))
def test_shared_queue_is_never_longer_than_separate_ones(servers: int, utilisation: float) -> None:
    assert mean_jobs("shared_queue", servers, utilisation) < mean_jobs("round_robin", servers, utilisation)


@pytest.mark.parametrize("dispatch", DISPATCHERS)
def test_overload_has_no_mean_and_everybody_waits(dispatch: Dispatch) -> None:
    assert mean_response_s(dispatch, 2, 50, SERVICE_S) == math.inf
    assert mean_jobs(dispatch, 2, 1.0) == math.inf
    assert erlang_c(2, 2.0) == 1


@pytest.mark.parametrize("dispatch", DISPATCHERS)
@given(servers=st.integers(1, 10), arrival_rate=st.floats(0.5, 100), target_s=st.floats(0.05, 2))
def test_longest_service_time_has_the_response_time_asked_for(
    dispatch: Dispatch, servers: int, arrival_rate: float, target_s: float
) -> None:
    service_s = longest_service_s(dispatch, servers, arrival_rate, target_s)

    assert mean_response_s(dispatch, servers, arrival_rate, service_s) == pytest.approx(target_s, rel=1e-3)


@pytest.mark.parametrize("dispatch", DISPATCHERS)
@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.5), (2, 0.8), (3, 0.3), (3, 0.9), (8, 0.7)])
def test_queue_comes_to_rest_at_its_mean(dispatch: Dispatch, servers: int, utilisation: float) -> None:
    jobs, work = 0.0, 1 / SERVICE_S
    for _ in range(4000):
        jobs = settled(dispatch, servers, jobs + servers * utilisation * work, work)

    assert jobs == pytest.approx(mean_jobs(dispatch, servers, utilisation), rel=1e-4)


@pytest.mark.parametrize("dispatch", DISPATCHERS)
@given(servers=st.integers(1, 10), offered=st.floats(0, 1e5), work=st.floats(0.1, 1000))
def test_no_more_is_served_than_is_there_or_than_can_be(dispatch: Dispatch, servers: int, offered: float, work: float) -> None:
    left = settled(dispatch, servers, offered, work)

    assert max(0, offered - servers * work) - 1e-6 * offered - 1e-6 <= left <= offered + 1e-9


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.7), (2, 0.5), (3, 0.8), (5, 0.85)])
def test_shared_queue_is_what_the_events_show(servers: int, utilisation: float) -> None:
    rate = servers * utilisation / SERVICE_S

    observed = shared_queue(1, servers, rate, exponential(SERVICE_S), 6000)

    assert observed.mean_response_s == pytest.approx(mean_response_s("shared_queue", servers, rate, SERVICE_S), rel=0.04)
    assert observed.waited / len(observed.responses_s) == pytest.approx(erlang_c(servers, servers * utilisation), rel=0.04)


@pytest.mark.parametrize(("servers", "rate", "dimmer"), [(1, 12.0, 1.0), (2, 36.0, 1.0), (3, 50.0, 1.0), (3, 80.0, 0.6), (2, 60.0, 0.5)])
def test_sharing_servers_are_what_the_events_show(servers: int, rate: float, dimmer: float) -> None:
    farm = SharingFarm(2, servers, mixed(dimmer, FARM.optional_service_s, FARM.basic_service_s))

    observed = farm.run(rate, 4000)

    assert observed.mean_response_s == pytest.approx(mean_response_s("round_robin", servers, rate, FARM.service_s(dimmer)), rel=0.06)


@pytest.mark.parametrize(("servers", "rate"), [(2, 36.0), (3, 50.0)])
def test_dealing_requests_out_evenly_is_better_than_the_equations_say_and_not_by_half(servers: int, rate: float) -> None:
    farm = SharingFarm(3, servers, exponential(SERVICE_S), round_robin=True)

    observed = farm.run(rate, 3000)

    expected = mean_response_s("round_robin", servers, rate, SERVICE_S)
    assert 0.5 * expected < observed.mean_response_s < expected


@dataclass(frozen=True, kw_only=True)
class Minute:
    """What a minute of a story came to."""

    response_s: float
    present: float
    """Requests in the farm at its end."""


STORY: tuple[tuple[float, str], ...] = ((26.0, ""), (38.0, ""), (50.0, "add"), (50.0, "fail"), (20.0, ""))
"""Requests per second in each minute, and what happens before: two servers, one that comes, one that breaks, one minute too few."""


def story_by_events(seed: int) -> list[Minute]:
    farm, minutes = SharingFarm(seed, 2, exponential(SERVICE_S)), list[Minute]()
    for rate, change in STORY:
        if change == "add":
            farm.add_server()
        elif change == "fail":
            farm.fail_server()
        response_s = farm.run(rate, 60).mean_response_s
        minutes.append(Minute(response_s=response_s, present=farm.present))
    return minutes


def story_by_equations() -> list[Minute]:
    patient = FarmParameters(timeout_s=1000)  # the events drop nobody
    state, minutes = FarmState(active=2), list[Minute]()
    for rate, change in STORY:
        state = {"": state, "add": replace(state, active=3), "fail": fail(state, 1)}[change]
        progress = advance(patient, state, rate, 60)
        state = progress.state
        minutes.append(Minute(response_s=progress.interval.response_time_s, present=state.backlog))
    return minutes


def test_a_changing_farm_is_what_the_events_show_on_average() -> None:
    runs = [story_by_events(seed) for seed in range(40)]

    for number, said in enumerate(story_by_equations()):
        assert fmean(run[number].present for run in runs) == pytest.approx(said.present, rel=0.15, abs=1.0)  # a single count scatters
        if number < 3:  # later a minute's requests are answered in the next: the events count those answered, the equations those there
            assert fmean(run[number].response_s for run in runs) == pytest.approx(said.response_s, rel=0.1)
