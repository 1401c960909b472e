"""Forecasts follow the observed rates and know how far off they were."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.scenarios.forecast import TREND_DAMPING, forecast

rates = st.lists(st.floats(0, 200), min_size=1, max_size=12)


@given(rate=st.floats(0.1, 200), count=st.integers(2, 12))
def test_steady_load_is_expected_to_stay(rate: float, count: int) -> None:
    load = forecast([rate] * count)

    assert load.rate(1) == pytest.approx(rate)
    assert load.rate(5) == pytest.approx(rate)


def test_rising_load_is_expected_to_rise_further_but_not_for_ever() -> None:
    load = forecast([20, 25, 30, 35, 40])

    assert 40 < load.rate(1) < load.rate(2) < 50
    assert load.rate(50) == pytest.approx(load.rate(60), abs=0.01)


@given(rates)
def test_trend_dies_away_by_the_same_share_each_period(observed: list[float]) -> None:
    load = replace(forecast(observed), level=1000.0)

    steps = [load.rate(ahead + 1) - load.rate(ahead) for ahead in range(3)]

    assert steps == pytest.approx([load.trend * TREND_DAMPING**power for power in (1, 2, 3)], abs=1e-6)


def test_falling_load_never_falls_below_nothing() -> None:
    assert forecast([50, 25, 2]).rate(10) >= 0


def test_surprise_widens_the_error_and_calm_narrows_it() -> None:
    calm, surprised = forecast([50] * 6), forecast([50] * 5 + [80])

    assert calm.error < forecast([50] * 3).error
    assert surprised.error > calm.error


@given(rates)
def test_forecast_is_finite_and_not_negative(observed: list[float]) -> None:
    load = forecast(observed)

    assert 0 <= load.rate(3) < 2000
    assert load.error >= 0


def test_nothing_observed_cannot_be_forecast() -> None:
    with pytest.raises(ValueError, match="no arrival rate was observed"):
        forecast([])
