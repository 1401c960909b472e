"""The queues of the farm: their means at rest, in closed form, and how they get there under a load that changes. Pure functions.

A farm of c servers has one of two dispatchers. `round_robin`: each server has 1/c of the requests to itself and shares its
processor among them, M/G/1-PS. `shared_queue`: the next free server takes the next request, M/M/c.
L. Kleinrock: Queueing Systems, vol. 1, 1975, and vol. 2, 1976.
"""

import math
from typing import Literal, assert_never

Dispatch = Literal["round_robin", "shared_queue"]

PRECISION = 1e-9
"""Of what is found by bisection: utilisations, and seconds."""


def erlang_b(servers: int, offered: float) -> float:
    """The share of requests that find all servers busy where nobody waits; `offered` is the load in erlangs."""
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked


def erlang_c(servers: int, offered: float) -> float:
    """The share of requests that must wait for a server, by Erlang's recursion (A. K. Erlang, 1917); 1 under overload."""
    if offered >= servers:
        return 1.0
    blocked, utilisation = erlang_b(servers, offered), offered / servers
    return blocked / (1 - utilisation + utilisation * blocked)


def mean_jobs(dispatch: Dispatch, servers: int, utilisation: float) -> float:
    """The mean number of requests in a farm at rest; infinite at a utilisation of 1."""
    if utilisation >= 1:
        return math.inf
    match dispatch:
        case "round_robin":
            return servers * utilisation / (1 - utilisation)
        case "shared_queue":
            offered = servers * utilisation
            return offered + erlang_c(servers, offered) * utilisation / (1 - utilisation)
        case _:
            assert_never(dispatch)


def mean_response_s(dispatch: Dispatch, servers: int, arrival_rate: float, service_s: float) -> float:
    """The mean time that a request spends in a farm at rest, by Little's law; infinite where the farm is overloaded."""
    utilisation = arrival_rate * service_s / servers if servers else math.inf
    if utilisation >= 1:
        return math.inf
    return mean_jobs(dispatch, servers, utilisation) / arrival_rate if arrival_rate else service_s


def longest_service_s(dispatch: Dispatch, servers: int, arrival_rate: float, response_s: float) -> float:
    """The mean service time at which a farm at rest has this mean response time: the inverse of `mean_response_s`."""
    match dispatch:
        case "round_robin":
            return response_s / (1 + arrival_rate * response_s / servers)
        case "shared_queue":
            low, high = 0.0, response_s
            while high - low > PRECISION:
                tried = (low + high) / 2
                fits = mean_response_s(dispatch, servers, arrival_rate, tried) <= response_s
                low, high = (tried, high) if fits else (low, tried)
            return low
        case _:
            assert_never(dispatch)


def settled(dispatch: Dispatch, servers: int, offered: float, work: float) -> float:
    """Requests left after a tick that began with `offered` ones, new ones included, and in which each server could do `work` of them.

    An implicit Euler step of dx/dt = a - c u(x) / s, the pointwise stationary fluid flow approximation (W.-P. Wang, D. Tipper,
    S. Banerjee: A simple approximation for modeling nonstationary queues, INFOCOM 1996), where u(x) is the utilisation at which x is
    the mean number of requests. It rests at the queue's own mean, and grows by a - c/s under overload: one equation for both.
    """
    match dispatch:
        case "round_robin":
            return servers * _settled_alone(offered / servers, work)
        case "shared_queue":
            return offered - servers * work * _settled_utilisation(servers, offered, work)
        case _:
            assert_never(dispatch)


def _settled_alone(jobs: float, work: float) -> float:
    """Of one server, where u(x) = x / (1 + x) and the step has a closed form."""
    excess = jobs - work - 1
    root = math.sqrt(excess * excess + 4 * jobs)
    return (excess + root) / 2 if excess > 0 else 2 * jobs / (root - excess)


def _settled_utilisation(servers: int, offered: float, work: float) -> float:
    """The utilisation at which what comes is what is done and what stays: a root of an increasing function, by bisection and secants."""

    def excess(utilisation: float) -> float:
        return mean_jobs("shared_queue", servers, utilisation) + servers * work * utilisation - offered

    low, high = 0.0, min(1.0, offered / (servers * work)) if work else 1.0
    at_low, at_high = -offered, excess(high) if high < 1 else math.inf
    while high - low > PRECISION and at_low:
        secant = low - at_low * (high - low) / (at_high - at_low) if at_high < math.inf else low
        tried = min(max(secant, low + (high - low) / 10), high - (high - low) / 10)
        found = excess(tried)
        low, at_low, high, at_high = (tried, found, high, at_high) if found < 0 else (low, at_low, tried, found)
    return low
