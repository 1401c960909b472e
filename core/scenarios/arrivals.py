"""Arrival rates per control period, each a pure function of a seed: the loads that scenarios put on the farm."""

import math
import random
from collections.abc import Sequence

Trace = tuple[float, ...]
"""Requests per second: the first of the warm-up, then one of each control period."""


def rising_load(seed: int, periods: int, period_s: float) -> Trace:
    """A load that climbs from what one server bears to what three do, with a flash crowd on top in its second half."""
    rng = random.Random(seed)
    start, end = rng.uniform(12, 18), rng.uniform(44, 54)
    onset = rng.uniform(0.45, 0.65) * periods
    peak = rng.uniform(24, 36)
    means = [_ramp(start, end, index / max(1, periods)) + flash_crowd(index - onset, peak) for index in range(periods + 1)]
    return _sampled(rng, means, period_s)


def steady_load(seed: int, periods: int, period_s: float) -> Trace:
    """A load that three servers bear and two do not, swinging gently as over a day."""
    rng = random.Random(seed)
    level, phase = rng.uniform(47, 53), rng.uniform(0, math.tau)
    means = [level * (1 + 0.06 * math.sin(phase + math.tau * index / max(1, periods))) for index in range(periods + 1)]
    return _sampled(rng, means, period_s)


def flash_crowd(since: float, peak: float) -> float:
    """The extra load `since` periods after a flash crowd's onset: there within one period, halved every two."""
    if since < 0:
        return 0.0
    return peak * min(1.0, since) * math.pow(0.5, max(0.0, since - 1) / 2)


def _ramp(start: float, end: float, share: float) -> float:
    """Climbs over the first half and stays."""
    return start + (end - start) * min(1.0, 2 * share)


def _sampled(rng: random.Random, means: Sequence[float], period_s: float) -> Trace:
    """Rates as counted over a period: Poisson arrivals, by their normal approximation."""
    return tuple(max(0.0, rng.gauss(mean, math.sqrt(mean / period_s))) for mean in means)
