"""A web farm in the manner of SWIM: its limits, its state, its queue and its utility. Pure functions of values.

G. A. Moreno, B. Schmerl, D. Garlan: SWIM: an exemplar for evaluation and comparison of self-adaptation approaches for web
applications, SEAMS 2018. As there, requests go round robin to servers that share their processor, unless they are told to share
one queue, and the dimmer is the share of responses that carry the optional content. `queueing.py` holds the queues.
"""

import math
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from .limits import DecisionLimits
from .queueing import Dispatch, longest_service_s, settled

TICK_S = 1.0
"""The longest step of the integration."""
FULL_REVENUE_TOLERANCE = 1e-5
"""SWIM's own, for the comparison of revenues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmParameters:
    """The farm's limits, service times and prices; by default those of cps-sei/swim:simulations/swim/swim.ini."""

    max_servers: PositiveInt = 3
    boot_s: NonNegativeFloat = 60.0
    dispatch: Dispatch = "round_robin"
    optional_service_s: PositiveFloat = 0.04452713
    """Mean time of a response with the optional content: the inverse of SWIM's maxServiceRate."""
    basic_service_s: PositiveFloat = 0.0012876
    """Mean time of a response without it: the mean of SWIM's truncnormal(0.001, 0.001)."""
    sla_s: PositiveFloat = 0.75
    """The longest mean response time that earns revenue."""
    timeout_s: PositiveFloat = 10.0
    """A request that would wait longer is dropped."""
    basic_revenue: NonNegativeFloat = 1.0
    optional_revenue: NonNegativeFloat = 1.5
    server_cost: NonNegativeFloat = 10.0
    """What a server that is not used saves per second."""
    limits: DecisionLimits = DecisionLimits()

    def __post_init__(self) -> None:
        if self.basic_service_s >= self.optional_service_s:
            found = f"basic_service_s {self.basic_service_s} is not below optional_service_s {self.optional_service_s}"
            raise ValueError(f"{found}: optional content must cost time, or the dimmer has no effect")

    @property
    def max_arrival_rate(self) -> float:
        """Requests per second that the full farm serves with all optional content."""
        return self.max_servers / self.optional_service_s

    def service_s(self, dimmer: float) -> float:
        """The mean service time of a response at this dimmer."""
        return dimmer * self.optional_service_s + (1 - dimmer) * self.basic_service_s


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmState:
    """The farm at one moment."""

    time_s: NonNegativeFloat = 0.0
    active: NonNegativeInt = 1
    booting: tuple[float, ...] = ()
    """Seconds left for each server that boots."""
    failed: NonNegativeInt = 0
    """Servers that broke and were not replaced."""
    dimmer: Annotated[float, Field(ge=0, le=1)] = 1.0
    backlog: NonNegativeFloat = 0.0
    """Requests that are in service or wait."""

    @property
    def powered(self) -> int:
        """Servers that cost: active and booting ones."""
        return self.active + len(self.booting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """What was observed over a stretch of time."""

    arrival_rate: float
    """Requests per second."""
    response_time_s: float
    """Mean; the timeout where requests came and none was served."""
    utilisation: float
    """Busy share of the active servers, 0 to 1."""
    throughput: float
    """Responses per second."""
    dropped: float
    """Requests that were given up."""
    utility: float
    """Per second, as SWIM reports it."""
    sla_met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The farm after a stretch of time, and what was observed meanwhile."""

    state: FarmState
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flow:
    """Requests on their way through the farm, summed up over one interval."""

    backlog: float
    """At its end."""
    request_seconds: float
    served: float
    dropped: float
    capacity: float
    """Requests that the active servers could have served."""

    def response_time_s(self, timeout_s: float) -> float:
        """The mean time in the farm, by Little's law."""
        if self.served == 0:
            return timeout_s if self.dropped else 0.0
        return min(timeout_s, self.request_seconds / self.served)


def advance(parameters: FarmParameters, state: FarmState, arrival_rate: float, seconds: float) -> Progress:
    """The farm `seconds` later, with requests arriving at a constant rate meanwhile."""
    if seconds <= 0 or arrival_rate < 0:
        raise ValueError(f"cannot advance by {seconds} s at {arrival_rate} requests/s: pass a positive time and a rate of 0 or more")
    flow = _flow(parameters, state, arrival_rate, seconds)
    response_time_s = flow.response_time_s(parameters.timeout_s)
    interval = Interval(
        arrival_rate=arrival_rate,
        response_time_s=response_time_s,
        utilisation=flow.served / flow.capacity if flow.capacity else 1.0,
        throughput=flow.served / seconds,
        dropped=flow.dropped,
        utility=utility(parameters, state, arrival_rate, response_time_s),
        sla_met=response_time_s <= parameters.sla_s,
    )
    later = replace(
        state,
        time_s=state.time_s + seconds,
        active=state.active + _booted(state, seconds),
        booting=tuple(left - seconds for left in state.booting if left > seconds),
        backlog=flow.backlog,
    )
    return Progress(state=later, interval=interval)


def utility(parameters: FarmParameters, state: FarmState, arrival_rate: float, response_time_s: float) -> float:
    """Utility per second: revenue within the SLA, and what unused servers save at full revenue; else a penalty.

    periodUtilitySEAMS2017A of cps-sei/swim:tools/plotResults.R, from G. A. Moreno et al.: Comparing model-based predictive
    approaches to self-adaptation: CobRA and PLA, SEAMS 2017. It takes the arrival rate for the throughput.
    """
    full_revenue = arrival_rate * parameters.optional_revenue
    if response_time_s > parameters.sla_s:
        return min(0.0, arrival_rate - parameters.max_arrival_rate) * parameters.optional_revenue
    revenue = state.dimmer * full_revenue + (1 - state.dimmer) * arrival_rate * parameters.basic_revenue
    if revenue < full_revenue - FULL_REVENUE_TOLERANCE:
        return revenue
    return revenue + parameters.server_cost * (parameters.max_servers - state.powered)


def highest_dimmer(parameters: FarmParameters, servers: int, arrival_rate: float, response_time_s: float) -> float:
    """The most optional content at which so many servers settle at this response time or below; 0 where none does."""
    if servers == 0:
        return 0.0
    service_s = longest_service_s(parameters.dispatch, servers, arrival_rate, response_time_s)
    span_s = parameters.optional_service_s - parameters.basic_service_s
    return min(1.0, max(0.0, (service_s - parameters.basic_service_s) / span_s))


def _flow(parameters: FarmParameters, state: FarmState, arrival_rate: float, seconds: float) -> _Flow:
    """Integrates the queue in ticks; what the servers cannot serve in time they drop."""
    ticks = math.ceil(seconds / TICK_S)
    tick_s = seconds / ticks
    service_s = parameters.service_s(state.dimmer)
    work, limit = tick_s / service_s, parameters.timeout_s / service_s
    backlog, request_seconds, served, dropped, capacity = state.backlog, 0.0, 0.0, 0.0, 0.0
    for tick in range(ticks):
        offered = backlog + arrival_rate * tick_s
        active = state.active + _booted(state, tick * tick_s)
        if active == 0:
            backlog, dropped = 0.0, dropped + offered
            continue
        jobs = settled(parameters.dispatch, active, offered, work)
        backlog = min(jobs, active * limit)
        request_seconds += backlog * tick_s
        served += offered - jobs
        dropped += jobs - backlog
        capacity += active * work
    return _Flow(backlog=backlog, request_seconds=request_seconds, served=served, dropped=dropped, capacity=capacity)


def _booted(state: FarmState, seconds: float) -> int:
    return sum(left <= seconds for left in state.booting) if state.booting else 0
