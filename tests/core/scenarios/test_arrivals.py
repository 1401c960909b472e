"""Traces follow from their seeds, and the built-in scenarios are what they say."""

import math
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.scenarios.arrivals import flash_crowd, rising_load, steady_load
from polaris_llm.core.scenarios.scenario import FAMILIES, SCENARIO, failure_recovery, high_load
from polaris_llm.core.scenarios.web_farm import FarmParameters

ONE_SERVER = 1 / FarmParameters().optional_service_s
seeds = st.integers(0, 10_000)


@given(seed=seeds, periods=st.integers(1, 40))
def test_a_seed_makes_one_trace_of_rates_for_warm_up_and_periods(seed: int, periods: int) -> None:
    for load in (rising_load, steady_load):
        trace = load(seed, periods, 60.0)
        assert trace == load(seed, periods, 60.0)
        assert len(trace) == periods + 1
        assert all(0 <= rate < 10 * ONE_SERVER for rate in trace)


def test_seeds_differ() -> None:
    assert len({rising_load(seed, 12, 60.0) for seed in range(50)}) == 50


@given(seeds)
def test_rising_load_outgrows_one_server_and_peaks_above_its_plateau(seed: int) -> None:
    trace = rising_load(seed, 12, 60.0)

    assert trace[0] < ONE_SERVER
    assert max(trace) > 2.5 * ONE_SERVER
    assert trace.index(max(trace)) > 6


@given(seeds)
def test_steady_load_needs_three_servers_and_no_more(seed: int) -> None:
    trace = steady_load(seed, 12, 60.0)

    assert min(trace) > 0.9 * 2 * ONE_SERVER
    assert max(trace) < 3 * ONE_SERVER


def test_rates_scatter_as_counts_over_a_period_do() -> None:
    counted, exact = (rising_load(1, 2000, period_s)[1500:] for period_s in (60.0, 1e12))

    scatter = pstdev(rate - mean for rate, mean in zip(counted, exact, strict=True))

    assert scatter == pytest.approx(math.sqrt(fmean(exact) / 60), rel=0.1)


def test_flash_crowd_comes_within_a_period_and_dies_away() -> None:
    assert [flash_crowd(since, 32.0) for since in (-1, 0, 0.5, 1, 3, 5)] == [0, 0, 16, 32, 16, 8]


@pytest.mark.parametrize("family", sorted(FAMILIES))
@given(seed=seeds, periods=st.integers(1, 30))
def test_scenarios_are_json_and_come_back_equal(family: str, seed: int, periods: int) -> None:
    scenario = FAMILIES[family](seed, periods)

    assert SCENARIO.validate_json(SCENARIO.dump_json(scenario)) == scenario
    assert (scenario.family, scenario.seed, scenario.periods) == (family, seed, periods)


@given(seed=seeds, periods=st.integers(6, 30))
def test_one_server_fails_in_each_half(seed: int, periods: int) -> None:
    scenario = failure_recovery(seed, periods)

    first, second = (failure.period for failure in scenario.failures)
    assert 1 <= first <= periods // 2 < second <= periods
    assert sum(scenario.servers_failing_in(period) for period in range(1, periods + 1)) == 2


def test_high_load_starts_with_one_server_and_breaks_none() -> None:
    scenario = high_load(3)

    assert (scenario.initial.active, scenario.failures, scenario.periods) == (1, (), 12)
