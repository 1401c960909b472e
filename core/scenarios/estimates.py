"""Means and their confidence intervals, from few values: Student's t, paired and unpaired. Pure functions.

The intervals are those of any textbook, such as G. W. Snedecor, W. G. Cochran: Statistical Methods, 8th ed., 1989, ch. 4 to 6:
mean +/- t(n - 1) s / sqrt(n); for a paired difference the same over the differences; for an unpaired one with unequal variances
t at the degrees of freedom of B. L. Welch (1947).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist, fmean, variance

CONFIDENCE = 0.95
MANY = 2000
"""Degrees of freedom from which on Student's t is taken for normal; the quantiles then differ by less than 0.1 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean, and the interval in which it lies with a confidence of 95 %."""

    mean: float
    low: float | None
    """None where there are too few values to tell."""
    high: float | None
    count: int
    """Of the values that the mean is of."""

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves the sign of the mean in no doubt."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of one value or more."""
    spread = _half_width(variance(values) / len(values), len(values) - 1) if len(values) > 1 else None
    return _estimate(fmean(values), spread, len(values))


def paired_difference(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """How much ours are above theirs, value by value."""
    return estimate([mine - other for mine, other in zip(ours, theirs, strict=True)])


def difference(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """How much the mean of ours is above the mean of theirs, where the values have nothing to do with each other."""
    gap, count = fmean(ours) - fmean(theirs), min(len(ours), len(theirs))
    if count < 2:
        return _estimate(gap, None, count)
    squares = [variance(values) / len(values) for values in (ours, theirs)]
    weights = [square**2 / (len(values) - 1) for square, values in zip(squares, (ours, theirs), strict=True)]
    degrees = sum(squares) ** 2 / sum(weights) if sum(weights) else count - 1
    return _estimate(gap, _half_width(sum(squares), degrees), count)


@lru_cache(maxsize=512)
def student_t(degrees: float, confidence: float = CONFIDENCE) -> float:
    """The t that so much of Student's distribution lies within, on both sides of 0; for one degree of freedom or more.

    P(|T| < t) is the integral of cos(x)^(degrees - 1) from 0 to atan(t / sqrt(degrees)), over the same up to pi / 2
    (M. Abramowitz, I. A. Stegun: Handbook of Mathematical Functions, 1964, 26.7.3 and 26.7.4): here by Simpson's rule and bisection.
    """
    if degrees >= MANY:
        return NormalDist().inv_cdf((1 + confidence) / 2)
    whole = _cosine_integral(degrees, math.pi / 2)
    low, high = 0.0, math.pi / 2
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _cosine_integral(degrees, middle) < confidence * whole else (low, middle)
    return math.sqrt(degrees) * math.tan(low)


def _cosine_integral(degrees: float, angle: float, pieces: int = 400) -> float:
    """By Simpson's rule."""
    step = angle / pieces
    heights = [math.pow(max(0.0, math.cos(index * step)), degrees - 1) for index in range(pieces + 1)]
    return (heights[0] + 4 * sum(heights[1::2]) + 2 * sum(heights[2:-1:2]) + heights[-1]) * step / 3


def _half_width(square: float, degrees: float) -> float:
    return student_t(max(1.0, degrees)) * math.sqrt(square)


def _estimate(mean: float, spread: float | None, count: int) -> Estimate:
    low, high = (None, None) if spread is None else (mean - spread, mean + spread)
    return Estimate(mean=mean, low=low, high=high, count=count)
