"""Arrival rates over time, the shapes that loads are made of: pure functions of numbers, and of chance that is passed in."""

import math
import random
from collections.abc import Sequence

Trace = tuple[float, ...]
"""Requests per second: the first of the warm-up, then one of each control period."""


def ramp(share: float, start: float, end: float, begins: float, over: float) -> float:
    """Climbs or falls from `start` to `end`; `share` is how much of the run is over, the others are shares of it too."""
    climbed = (share - begins) / over if over > 0 else float(share >= begins)
    return start + (end - start) * min(1.0, max(0.0, climbed))


def diurnal(time_s: float, mean: float, amplitude: float, cycle_s: float, phase: float) -> float:
    """A sine about the mean, as loads swing over a day; `phase` is the share of the cycle that is over at the start."""
    return max(0.0, mean + amplitude * math.sin(math.tau * (time_s / cycle_s + phase)))


def flash_crowd(since_s: float, peak: float, rise_s: float, half_life_s: float) -> float:
    """The extra load `since_s` after a flash crowd's onset: it climbs for `rise_s`, then halves every `half_life_s`."""
    if since_s < 0:
        return 0.0
    risen = min(1.0, since_s / rise_s) if rise_s > 0 else 1.0
    return peak * risen * math.pow(0.5, max(0.0, since_s - rise_s) / half_life_s)


def step(share: float, steps: Sequence[tuple[float, float]]) -> float:
    """The rate of the last step that has begun, each a share of the run and a rate; 0 before the first."""
    return next((rate for begins, rate in sorted(steps, reverse=True) if begins <= share), 0.0)


def counted(rng: random.Random, means: Sequence[float], period_s: float) -> Trace:
    """Rates as counted over a period: Poisson arrivals, by their normal approximation."""
    return tuple(max(0.0, rng.gauss(mean, math.sqrt(mean / period_s))) for mean in means)


def resampled(rates: Sequence[float], step_s: float, period_s: float, count: int) -> Trace:
    """The means over `count` periods of rates that hold for `step_s` each; raises ValueError where they do not reach so far."""
    covered, needed = len(rates) * step_s, count * period_s
    if covered < needed - 1e-6:
        raise ValueError(f"covers {covered:g} s, and the run with its warm-up takes {needed:g} s: give more rows, or run fewer periods")
    return tuple(_mean_between(rates, index * period_s / step_s, (index + 1) * period_s / step_s) for index in range(count))


def _mean_between(rates: Sequence[float], start: float, end: float) -> float:
    """The mean of a step function that changes at whole numbers."""
    first, last = int(start), min(len(rates), math.ceil(end - 1e-9))
    parts = [(rates[index], min(end, index + 1) - max(start, index)) for index in range(first, last)]
    return sum(rate * width for rate, width in parts) / sum(width for _, width in parts)
