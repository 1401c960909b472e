"""The shapes of loads: what they are at chosen times, and what holds for any."""

import math
import random
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.scenarios.arrivals import counted, diurnal, flash_crowd, ramp, resampled, step


def test_ramp_climbs_between_its_begin_and_its_end() -> None:
    assert [ramp(share, 10, 50, begins=0.2, over=0.4) for share in (0, 0.2, 0.4, 0.6, 1)] == pytest.approx([10, 10, 30, 50, 50])


def test_ramp_that_takes_no_time_is_a_step() -> None:
    assert [ramp(share, 10, 50, begins=0.5, over=0) for share in (0.49, 0.5)] == [10, 50]


def test_flash_crowd_rises_and_halves() -> None:
    assert [flash_crowd(since, 32.0, 60, 120) for since in (-1, 0, 30, 60, 180, 300)] == [0, 0, 16, 32, 16, 8]


def test_flash_crowd_without_a_rise_is_there_at_once() -> None:
    assert flash_crowd(0, 32.0, 0, 120) == 32.0


def test_diurnal_load_swings_about_its_mean_and_never_below_nothing() -> None:
    assert [diurnal(time_s, 20, 8, 400, 0) for time_s in (0, 100, 300, 400)] == pytest.approx([20, 28, 12, 20])
    assert diurnal(300, 5, 8, 400, 0) == 0


def test_steps_hold_until_the_next() -> None:
    steps = [(0.5, 30.0), (0.2, 10.0)]

    assert [step(share, steps) for share in (0.1, 0.2, 0.49, 0.5, 1.0)] == [0, 10, 10, 30, 30]


@pytest.mark.parametrize(("period_s", "expected"), [(60, (1, 2, 3)), (120, (1.5,)), (30, (1, 1, 2, 2)), (90, (4 / 3, 8 / 3))])
def test_resampling_keeps_what_came_in_each_period(period_s: float, expected: tuple[float, ...]) -> None:
    assert resampled([1, 2, 3], 60, period_s, len(expected)) == pytest.approx(expected)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=20), st.integers(1, 30))
def test_resampling_to_any_number_of_periods_keeps_the_mean(rates: list[float], count: int) -> None:
    made = resampled(rates, 60, len(rates) * 60 / count, count)

    assert fmean(made) == pytest.approx(fmean(rates), abs=1e-6)


def test_record_that_is_too_short_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="covers 180 s, and the run with its warm-up takes 240 s: give more rows, or run fewer periods"):
        resampled([1, 2, 3], 60, 60, 4)


def test_rates_scatter_as_counts_over_a_period_do() -> None:
    rates = counted(random.Random(1), [50.0] * 3000, 60)

    assert fmean(rates) == pytest.approx(50, rel=0.01)
    assert pstdev(rates) == pytest.approx(math.sqrt(50 / 60), rel=0.05)
    assert min(counted(random.Random(1), [0.001] * 100, 1.0)) == 0
