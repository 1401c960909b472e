"""What a run of a session is asked to do, within which limits, and what came of it."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import JsonValue, TypeAdapter

from .exceptions import ErrorRecord
from .inference import CachePolicy
from .parts import ModelMessage
from .pickling import pickled_by_fields
from .tool_schema import ToolSchema
from .usage import Usage

RunStatus = Literal["completed", "max_iterations", "budget_exceeded", "deadline_exceeded", "cancelled", "failed"]
Isolation = Literal["host", "process"]
"""Whether a session shares its host with others, or has one of its own, which is a process on a cluster."""
Protocol = Literal["native", "json", "either"]
"""How the model calls tools: by its API's own tool calls, by JSON actions in its text, or by whichever of the two it likes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """Where a run ends whatever the model wants."""

    max_steps: int = 10
    """Model calls."""
    max_tokens: int | None = None
    """Tokens of all model calls together, input and output."""
    deadline_s: float = 600.0
    """Seconds from the run's start to its end, on the clock of the process that runs it."""
    max_repairs: int = 2
    """How often in a row a model is told that its answer cannot be used."""
    caller_timeout_s: float = 60.0
    """Seconds a run waits for the process that holds its live tools to come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """All that a run needs to know; plain JSON values, so that it can be logged and replayed."""

    objective: str
    system: str | None = None
    provider: str = "default"
    """A name of the settings' `providers`."""
    model: str | None = None
    """None takes the provider's own."""
    tools: tuple[ToolSchema, ...] = ()
    """The allow-list: no other tool is run, whatever the model names."""
    tool_references: dict[str, str] = field(default_factory=dict)
    """Where tools that the settings do not list are found, by name: `module:attribute`."""
    live_tools: tuple[str, ...] = ()
    """Those of `tools` that run in the process that submitted the run."""
    caller_id: str | None = None
    """That process."""
    protocol: Protocol = "native"
    result_schema: dict[str, Any] | None = None  # a JSON schema
    """What the final answer must satisfy; None takes any."""
    temperature: float | None = None
    max_output_tokens: int | None = None
    """Tokens of one model call; None takes the provider's setting, as for `temperature`."""
    seed: int | None = None
    extras: dict[str, JsonValue] = field(default_factory=dict)
    """Further parameters of each model call, as ModelRequest has them."""
    context: dict[str, JsonValue] = field(default_factory=dict)
    """What tools may read; it is not shown to the model."""
    history: tuple[ModelMessage, ...] = ()
    """Messages before the objective."""
    limits: RunLimits = RunLimits()
    cache: CachePolicy = CachePolicy()
    tenant: str = "default"
    priority: int = 0
    isolation: Isolation = "host"
    """Where the session lives; its first run says so for all."""
    metadata: dict[str, JsonValue] = field(default_factory=dict)


RUN_SPEC: TypeAdapter[RunSpec] = TypeAdapter(RunSpec)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOutcome:
    """What came of a run."""

    session_id: str
    run_id: str
    status: RunStatus
    result: JsonValue = None
    """The final answer: a JSON value where one was asked for, else text."""
    error: ErrorRecord | None = None
    steps: int = 0
    tool_calls: int = 0
    cache_hits: int = 0
    usage: Usage = Usage()
    cost_usd: float | None = None
    """US dollars of the model calls; None where the price of one is not known."""
    duration_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the model came to an answer."""
        return self.status == "completed"


RUN_OUTCOME: TypeAdapter[RunOutcome] = TypeAdapter(RunOutcome)

pickled_by_fields(RunLimits, RunSpec, RunOutcome)
