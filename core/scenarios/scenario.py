"""A scenario: a farm, the load on it, what breaks and who decides, as one JSON-able value. `scenario_file.py` makes many from one file."""

from dataclasses import dataclass, field, fields, replace

from pydantic import JsonValue, PositiveFloat, PositiveInt, TypeAdapter

from ..runs import Protocol, RunSpec
from .arrivals import Trace
from .web_farm import FarmParameters, FarmState

CONTROL_PERIOD_S = 60.0
_LIMITS = {"max_steps", "max_tokens", "deadline_s"}
FARM_TOOLS = ("get_metrics", "get_history", "forecast_load", "simulate_action", "past_decisions")
"""All of the farm's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Servers that break at the start of a control period, after its decision."""

    period: PositiveInt
    """From 1."""
    servers: PositiveInt = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """What a scenario says of the agent that decides; None leaves it to the one who runs the scenario."""

    provider: str | None = None
    model: str | None = None
    protocol: Protocol | None = None
    temperature: float | None = None
    max_output_tokens: PositiveInt | None = None
    max_steps: PositiveInt | None = None
    """Model calls per decision."""
    max_tokens: PositiveInt | None = None
    """Tokens per decision."""
    deadline_s: PositiveFloat | None = None
    """Seconds per decision."""

    def applied(self, spec: RunSpec) -> RunSpec:
        """The run with what is said here."""
        said = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}
        limits = {name: said.pop(name) for name in _LIMITS & said.keys()}
        return replace(spec, **said, limits=replace(spec.limits, **limits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is to be adapted, under which load, by whom and with which orders."""

    name: str
    family: str
    seed: int
    trace: Trace
    """One rate more than there are periods: the first is of the warm-up, which is observed and not scored."""
    variant: dict[str, JsonValue] = field(default_factory=dict)
    """What a grid chose, by the setting's path."""
    repetition: PositiveInt = 1
    """Of the same scenario and seed: later ones ask models with a sampling seed of their own."""
    initial: FarmState = FarmState()
    parameters: FarmParameters = FarmParameters()
    failures: tuple[Failure, ...] = ()
    control_period_s: PositiveFloat = CONTROL_PERIOD_S
    objective: str = "Keep the mean response time within the SLA and earn as much utility as you can."
    tools: tuple[str, ...] = FARM_TOOLS
    """The farm's tools by name, others as `module:name`, or as the settings list them."""
    agent: AgentOptions = AgentOptions()

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

    @property
    def group(self) -> str:
        """What runs of other seeds and repetitions share: the family, and what the grid chose."""
        return group_name(self.family, self.variant)

    def servers_failing_in(self, period: int) -> int:
        """How many servers break in this control period."""
        return sum(failure.servers for failure in self.failures if failure.period == period)


def group_name(family: str, variant: dict[str, JsonValue]) -> str:
    """The family, and what the grid chose by the last part of each path."""
    chosen = ",".join(f"{path.rpartition('.')[2]}={_brief(value)}" for path, value in variant.items())
    return f"{family}[{chosen}]" if chosen else family


def _brief(value: JsonValue) -> str:
    return "+".join(map(_brief, value)) if isinstance(value, list) else str(value)


SCENARIO: TypeAdapter[Scenario] = TypeAdapter(Scenario)
