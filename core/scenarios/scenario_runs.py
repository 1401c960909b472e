"""What a scenario file says, with one seed: a scenario that can be run."""

from collections.abc import Callable

from pydantic import JsonValue

from .arrivals import Trace, counted, diurnal, flash_crowd, ramp, resampled, step
from .drawn import Draws
from .limits import DecisionLimits
from .replay import read_rates
from .scenario import AgentOptions, Failure, Scenario, group_name
from .scenario_sections import AgentSection, ArrivalsSection, FailureSection, PlantSection, ScenarioSection
from .web_farm import FarmParameters, FarmState

Shape = Callable[[float], float]
"""Requests per second at a time, in seconds from the end of the warm-up."""


def scenario_of(section: ScenarioSection, variant: dict[str, JsonValue], seed: int, repetition: int) -> Scenario:
    """The scenario that a file says, with the grid's choices already in it."""
    repeated = f"-r{repetition}" if section.repetitions > 1 else ""
    draws = Draws(seed=seed)
    return Scenario(
        name=f"{group_name(section.name, variant)}-{seed}{repeated}",
        family=section.name,
        variant=variant,
        seed=seed,
        repetition=repetition,
        trace=trace_of(section, draws),
        initial=FarmState(active=section.plant.start_servers, dimmer=section.plant.start_dimmer),
        parameters=_parameters(section),
        failures=tuple(_failure(section, number, failure, draws) for number, failure in enumerate(section.failures)),
        control_period_s=section.control_period_s,
        objective=section.objective,
        tools=section.agent.tools,
        agent=_agent(section.agent),
    )


def trace_of(section: ScenarioSection, draws: Draws) -> Trace:
    """The rates of the warm-up and of each control period."""
    arrivals, period_s = section.arrivals, section.control_period_s
    shapes = _shapes(arrivals, section.periods * period_s, draws)
    means = [sum(shape(index * period_s) for shape in shapes) for index in range(section.periods + 1)]
    if arrivals.replay is not None:
        recorded = resampled(read_rates(arrivals.replay), arrivals.replay.step_s, period_s, len(means))
        means = [mean + rate for mean, rate in zip(means, recorded, strict=True)]
    return counted(draws.chance("arrivals.scatter"), means, period_s) if arrivals.scatter else tuple(means)


def _shapes(arrivals: ArrivalsSection, run_s: float, draws: Draws) -> list[Shape]:
    shapes = [_flash_crowd(arrivals, number, run_s, draws) for number in range(len(arrivals.flash_crowds))]
    if arrivals.steady is not None:
        rate = draws.number("arrivals.steady.rate", arrivals.steady.rate)
        shapes.append(lambda _: rate)
    if arrivals.ramp is not None:
        shapes.append(_ramp(arrivals, run_s, draws))
    if arrivals.diurnal is not None:
        shapes.append(_diurnal(arrivals, draws))
    if arrivals.steps:
        shapes.append(_steps(arrivals, run_s, draws))
    return shapes


def _ramp(arrivals: ArrivalsSection, run_s: float, draws: Draws) -> Shape:
    drawn = {name: draws.number(f"arrivals.ramp.{name}", between) for name, between in dict(arrivals.ramp or ()).items()}
    return lambda time_s: ramp(time_s / run_s, **drawn)


def _diurnal(arrivals: ArrivalsSection, draws: Draws) -> Shape:
    assert arrivals.diurnal is not None
    cycle_s = arrivals.diurnal.cycle_s
    ranges = {name: between for name, between in arrivals.diurnal if name != "cycle_s"}
    drawn = {name: draws.number(f"arrivals.diurnal.{name}", between) for name, between in ranges.items()}
    return lambda time_s: diurnal(time_s, cycle_s=cycle_s, **drawn)


def _steps(arrivals: ArrivalsSection, run_s: float, draws: Draws) -> Shape:
    drawn = [
        (draws.number(f"arrivals.steps.{number}.begins", phase.begins), draws.number(f"arrivals.steps.{number}.rate", phase.rate))
        for number, phase in enumerate(arrivals.steps)
    ]
    return lambda time_s: step(time_s / run_s, drawn)


def _flash_crowd(arrivals: ArrivalsSection, number: int, run_s: float, draws: Draws) -> Shape:
    crowd, path = arrivals.flash_crowds[number], f"arrivals.flash_crowds.{number}"
    onset_s = run_s * draws.number(f"{path}.onset", crowd.onset)
    peak = draws.number(f"{path}.peak", crowd.peak)
    return lambda time_s: flash_crowd(time_s - onset_s, peak, crowd.rise_s, crowd.half_life_s)


def _failure(section: ScenarioSection, number: int, failure: FailureSection, draws: Draws) -> Failure:
    """In the period in which its time lies."""
    share = draws.number(f"failures.{number}.at", failure.at)
    return Failure(period=min(section.periods, 1 + int(share * section.periods)), servers=failure.servers)


def _parameters(section: ScenarioSection) -> FarmParameters:
    limits = DecisionLimits(**dict(section.limits))
    return FarmParameters(**{name: value for name, value in section.plant if name in _PARAMETERS}, limits=limits)


def _agent(section: AgentSection) -> AgentOptions:
    return AgentOptions(**{name: value for name, value in section if name != "tools"})


_PARAMETERS = PlantSection.model_fields.keys() - {"start_servers", "start_dimmer"}
