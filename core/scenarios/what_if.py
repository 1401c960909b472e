"""What an action would bring: the farm's own model under the forecast load."""

from dataclasses import dataclass

from .actions import Action, apply, dimmer_towards
from .control_loop import Snapshot
from .forecast import Forecast, forecast
from .web_farm import FarmState, Interval, advance, highest_dimmer

LOOK_AHEAD = 4
"""Periods: long enough for a server that boots to pay off."""
MARGIN = 0.7
"""The share of the SLA that a later dimmer is aimed at, for the forecast errs."""
LOADS = {-1.5: 0.25, 0.0: 0.5, 1.5: 0.25}
"""The loads looked at, in mean errors of the forecast, and the weight of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What is expected of an action."""

    next_period: Interval
    """Under the forecast load."""
    mean_utility: float
    """Over the periods looked ahead and loads around the forecast."""
    periods: int


def predict(snapshot: Snapshot, action: Action) -> Prediction:
    """What is expected of a possible action; raises ValueError with the reason for an impossible one."""
    load = forecast([interval.arrival_rate for interval in snapshot.history])
    periods = max(1, min(LOOK_AHEAD, snapshot.periods - snapshot.period + 1))
    acted = apply(snapshot.parameters, snapshot.state, action)

    futures = {error: _rollout(snapshot, acted, _rates(load, error, periods)) for error in LOADS}
    mean = sum(weight * _mean_utility(futures[error]) for error, weight in LOADS.items())
    return Prediction(next_period=futures[0.0][0], mean_utility=mean, periods=periods)


def _rates(load: Forecast, error: float, periods: int) -> tuple[float, ...]:
    return tuple(max(0.0, load.rate(ahead) + error * load.error) for ahead in range(1, periods + 1))


def _mean_utility(intervals: tuple[Interval, ...]) -> float:
    return sum(interval.utility for interval in intervals) / len(intervals)


def _rollout(snapshot: Snapshot, state: FarmState, rates: tuple[float, ...]) -> tuple[Interval, ...]:
    """The periods to come, the dimmer of all but the first set as high as the SLA allows.

    Without that, nothing that takes time to pay off would ever pay off: a rollout with a base policy (D. P. Bertsekas, Dynamic
    Programming and Optimal Control, vol. 1).
    """
    intervals: list[Interval] = []
    for rate in rates:
        if intervals:
            state = _with_fitting_dimmer(snapshot, state, rate)
        progress = advance(snapshot.parameters, state, rate, snapshot.control_period_s)
        state = progress.state
        intervals.append(progress.interval)
    return tuple(intervals)


def _with_fitting_dimmer(snapshot: Snapshot, state: FarmState, rate: float) -> FarmState:
    """The dimmer that the load and a backlog to be worked off within the period allow."""
    parameters = snapshot.parameters
    offered = rate + state.backlog / snapshot.control_period_s
    fitting = highest_dimmer(parameters, state.active, offered, MARGIN * parameters.sla_s)
    return apply(parameters, state, dimmer_towards(parameters, state, fitting))
