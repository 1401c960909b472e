"""Arrival rates to come, from those observed: nothing here sees the trace."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL_WEIGHT = 0.8
TREND_WEIGHT = 0.5
TREND_DAMPING = 0.8
ERROR_WEIGHT = 0.3
FIRST_ERROR = 0.2
"""The error taken for granted before one was seen, as a share of the load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What the load is, where it goes, and how far off it may be."""

    level: float
    """Requests per second now."""
    trend: float
    """Change per period."""
    error: float
    """How far, on average, forecasts for the next period were off."""

    def rate(self, periods: float) -> float:
        """The rate so many periods from now, the trend dying away meanwhile."""
        damped = TREND_DAMPING * (1 - math.pow(TREND_DAMPING, periods)) / (1 - TREND_DAMPING)
        return max(0.0, self.level + self.trend * damped)


def forecast(rates: Sequence[float]) -> Forecast:
    """Exponential smoothing with a damped trend (E. S. Gardner, E. McKenzie: Forecasting trends in time series, 1985)."""
    if not rates:
        raise ValueError("no arrival rate was observed: forecast after the warm-up")
    level, trend, error = rates[0], 0.0, FIRST_ERROR * rates[0]
    for rate in rates[1:]:
        expected = level + TREND_DAMPING * trend
        smoothed = LEVEL_WEIGHT * rate + (1 - LEVEL_WEIGHT) * expected
        error = ERROR_WEIGHT * abs(rate - expected) + (1 - ERROR_WEIGHT) * error
        trend = TREND_WEIGHT * (smoothed - level) + (1 - TREND_WEIGHT) * TREND_DAMPING * trend
        level = smoothed
    return Forecast(level=level, trend=trend, error=error)
