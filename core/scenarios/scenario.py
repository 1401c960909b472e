"""Scenarios: a farm, the load on it and what breaks, as JSON-able values; two families are built in."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import PositiveFloat, PositiveInt, TypeAdapter

from .arrivals import Trace, rising_load, steady_load
from .web_farm import FarmParameters, FarmState

CONTROL_PERIOD_S = 60.0
DEFAULT_PERIODS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Servers that break at the start of a control period, after its decision."""

    period: PositiveInt
    """From 1."""
    servers: PositiveInt = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is to be adapted, under which load, and with which orders."""

    name: str
    family: str
    seed: int
    trace: Trace
    """One rate more than there are periods: the first is of the warm-up, which is observed and not scored."""
    initial: FarmState = FarmState()
    parameters: FarmParameters = FarmParameters()
    failures: tuple[Failure, ...] = ()
    control_period_s: PositiveFloat = CONTROL_PERIOD_S
    objective: str = "Keep the mean response time within the SLA and earn as much utility as you can."
    max_steps: PositiveInt = 10
    """Model calls per decision."""

    def __post_init__(self) -> None:
        if len(self.trace) < 2 or min(self.trace) < 0:
            raise ValueError(f"scenario {self.name!r} has the trace {self.trace}: give two rates or more, none of them below 0")
        if self.initial.powered > self.parameters.max_servers:
            limit = f"of at most {self.parameters.max_servers}"
            raise ValueError(f"scenario {self.name!r} begins with {self.initial.powered} servers {limit}: begin with fewer")

    @property
    def periods(self) -> int:
        """Control periods, the warm-up not counted."""
        return len(self.trace) - 1

    def servers_failing_in(self, period: int) -> int:
        """How many servers break in this control period."""
        return sum(failure.servers for failure in self.failures if failure.period == period)


SCENARIO: TypeAdapter[Scenario] = TypeAdapter(Scenario)


def high_load(seed: int, periods: int = DEFAULT_PERIODS) -> Scenario:
    """One server at full dimmer, a load that triples, and a flash crowd."""
    return Scenario(
        name=f"high_load-{seed}",
        family="high_load",
        seed=seed,
        trace=rising_load(seed, periods, CONTROL_PERIOD_S),
        objective="The load is rising. Keep the mean response time within the SLA and earn as much utility as you can.",
    )


def failure_recovery(seed: int, periods: int = DEFAULT_PERIODS) -> Scenario:
    """Three servers under a load that needs them all, one of which breaks in each half."""
    rng = random.Random(f"failures {seed}")
    half = max(1, periods // 2)
    first, second = rng.randint(1, max(1, half - 2)), half + rng.randint(1, max(1, half - 2))
    return Scenario(
        name=f"failure_recovery-{seed}",
        family="failure_recovery",
        seed=seed,
        trace=steady_load(seed, periods, CONTROL_PERIOD_S),
        initial=FarmState(active=3),
        failures=(Failure(period=first), Failure(period=second)),
        objective="Servers may fail. Recover quickly: keep the mean response time within the SLA and earn as much utility as you can.",
    )


FAMILIES: dict[str, Callable[..., Scenario]] = {"failure_recovery": failure_recovery, "high_load": high_load}
"""The built-in scenarios by name; each takes a seed and the number of periods."""
