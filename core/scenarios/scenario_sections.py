"""The sections of a scenario file: every setting with its unit, its default and its bounds. What they mean stands in `scenario_runs.py`."""

from pathlib import Path

from pydantic import Field, JsonValue, ValidationInfo, field_validator, model_validator

from ..runs import Protocol
from ..sections import Name, Section
from .drawn import Drawn, DrawnShare, Seeds
from .limits import ACTION_TYPES, ActionType, DecisionLimits
from .queueing import Dispatch
from .scenario import CONTROL_PERIOD_S, FARM_TOOLS
from .web_farm import FarmParameters

_FARM, _LIMITS = FarmParameters(), DecisionLimits()


class PlantSection(Section):
    """The web farm; by default SWIM's."""

    max_servers: int = Field(default=_FARM.max_servers, ge=1, le=1000)
    boot_s: float = Field(default=_FARM.boot_s, ge=0)
    """Seconds from ADD_SERVER until the server works."""
    dispatch: Dispatch = _FARM.dispatch
    """round_robin: each server has requests of its own. shared_queue: the next free server takes the next request."""
    optional_service_s: float = Field(default=_FARM.optional_service_s, gt=0)
    """Mean seconds of a response with the optional content."""
    basic_service_s: float = Field(default=_FARM.basic_service_s, gt=0)
    """Mean seconds of a response without it."""
    sla_s: float = Field(default=_FARM.sla_s, gt=0)
    """The longest mean response time that earns revenue."""
    timeout_s: float = Field(default=_FARM.timeout_s, gt=0)
    """Seconds after which a waiting request is dropped."""
    basic_revenue: float = Field(default=_FARM.basic_revenue, ge=0)
    optional_revenue: float = Field(default=_FARM.optional_revenue, ge=0)
    server_cost: float = Field(default=_FARM.server_cost, ge=0)
    """What an unused server saves per second."""
    start_servers: int = Field(default=1, ge=0)
    start_dimmer: float = Field(default=1.0, ge=0, le=1)

    @model_validator(mode="after")
    def _fits(self) -> "PlantSection":
        if self.basic_service_s >= self.optional_service_s:
            raise ValueError(f"basic_service_s {self.basic_service_s} is not below optional_service_s {self.optional_service_s}: lower it")
        if self.start_servers > self.max_servers:
            raise ValueError(f"start_servers {self.start_servers} is above max_servers {self.max_servers}: begin with fewer")
        return self


class SteadySection(Section):
    """A load that stays."""

    rate: Drawn
    """Requests per second."""


class RampSection(Section):
    """A load that climbs or falls, and stays there."""

    start: Drawn
    """Requests per second."""
    end: Drawn
    """Requests per second."""
    begins: DrawnShare = (0.0, 0.0)
    """When, as a share of the run."""
    over: DrawnShare = (0.5, 0.5)
    """How long it takes, as a share of the run."""


class DiurnalSection(Section):
    """A load that swings as over a day."""

    mean: Drawn
    """Requests per second."""
    amplitude: Drawn
    """Requests per second above and below the mean."""
    cycle_s: float = Field(gt=0)
    """Seconds of one swing."""
    phase: DrawnShare = (0.0, 0.0)
    """The share of a swing that is over at the start."""


class FlashCrowdSection(Section):
    """A crowd that comes suddenly and dies away."""

    peak: Drawn
    """Requests per second on top."""
    onset: DrawnShare
    """When, as a share of the run."""
    rise_s: float = Field(default=60.0, ge=0)
    half_life_s: float = Field(default=120.0, gt=0)


class StepSection(Section):
    """A phase of the workload."""

    begins: DrawnShare
    """When, as a share of the run."""
    rate: Drawn
    """Requests per second from then on."""


class ReplaySection(Section):
    """Rates that were recorded: a CSV file with a heading, and one row per step."""

    file: str = Field(min_length=1)
    """Its path; a relative one starts at the scenario file's folder."""
    column: str = "rate"
    """The column with requests per second."""
    step_s: float = Field(default=CONTROL_PERIOD_S, gt=0)
    """Seconds that one row stands for."""
    scale: float = Field(default=1.0, gt=0)
    """What each rate is multiplied by."""

    @field_validator("file")
    @classmethod
    def _found(cls, file: str, info: ValidationInfo) -> str:
        path = Path((info.context or {}).get("folder", "."), file)
        if not path.is_file():
            raise ValueError(f"there is no file {path}: name one, from the scenario file's folder")
        return str(path)


class ArrivalsSection(Section):
    """The load: the sum of the parts that are given."""

    steady: SteadySection | None = None
    ramp: RampSection | None = None
    diurnal: DiurnalSection | None = None
    steps: tuple[StepSection, ...] = Field(default=(), strict=False)
    flash_crowds: tuple[FlashCrowdSection, ...] = Field(default=(), strict=False)
    replay: ReplaySection | None = None
    scatter: bool = True
    """Whether rates scatter as counts of requests over a control period do."""

    @model_validator(mode="after")
    def _some(self) -> "ArrivalsSection":
        if not any((self.steady, self.ramp, self.diurnal, self.steps, self.flash_crowds, self.replay)):
            raise ValueError("no load is given: give steady, ramp, diurnal, steps, flash_crowds or replay, or several of them")
        return self


class FailureSection(Section):
    """Servers that break."""

    at: DrawnShare
    """When, as a share of the run."""
    servers: int = Field(default=1, ge=1)


class LimitsSection(Section):
    """What a decision may do at most; one that goes beyond is a recorded no-action."""

    actions: tuple[ActionType, ...] = Field(default=ACTION_TYPES, strict=False)
    min_dimmer: float = Field(default=_LIMITS.min_dimmer, ge=0, le=1)
    max_dimmer: float = Field(default=_LIMITS.max_dimmer, ge=0, le=1)
    max_dimmer_step: float = Field(default=_LIMITS.max_dimmer_step, ge=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> "LimitsSection":
        if self.min_dimmer > self.max_dimmer:
            raise ValueError(f"min_dimmer {self.min_dimmer} is above max_dimmer {self.max_dimmer}: exchange them")
        return self


class AgentSection(Section):
    """Who decides, and with what; what is left out is left to the one who runs the scenario, and to the settings."""

    tools: tuple[str, ...] = Field(default=FARM_TOOLS, strict=False)
    """The farm's own by name, others as `module:name`."""
    provider: Name | None = None
    """A name of the settings' `providers`."""
    model: str | None = Field(default=None, min_length=1)
    protocol: Protocol | None = None
    temperature: float | None = Field(default=None, ge=0)
    max_output_tokens: int | None = Field(default=None, ge=1)
    max_steps: int | None = Field(default=None, ge=1)
    """Model calls per decision."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Tokens per decision, input and output."""
    deadline_s: float | None = Field(default=None, gt=0)
    """Seconds per decision."""


class ScenarioSection(Section):
    """A whole scenario file."""

    name: Name
    """Of the family: results are summed up by it."""
    description: str = ""
    objective: str = "Keep the mean response time within the SLA and earn as much utility as you can."
    """What the agent is told to do."""
    periods: int = Field(default=12, ge=1, le=10_000)
    """Control periods of one run; a warm-up of one more comes before."""
    control_period_s: float = Field(default=CONTROL_PERIOD_S, gt=0)
    """Seconds from one decision to the next."""
    plant: PlantSection = PlantSection()
    arrivals: ArrivalsSection
    failures: tuple[FailureSection, ...] = Field(default=(), strict=False)
    limits: LimitsSection = LimitsSection()
    agent: AgentSection = AgentSection()
    seeds: Seeds = (1,)
    repetitions: int = Field(default=1, ge=1)
    """Runs of each scenario and seed."""
    grid: dict[str, list[JsonValue]] = Field(default_factory=dict)
    """Values to try for settings by their paths, such as plant.boot_s: every combination is run with every seed."""
