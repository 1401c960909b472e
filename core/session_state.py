"""The state of a session as one value: a fold of its events, and nothing else."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from .commands import EndRun
from .parts import ModelMessage, ToolCallPart, ToolResultPart
from .runs import RunSpec
from .tool_schema import ToolSchema
from .usage import Usage


class Phase(StrEnum):
    """What a session is waiting for."""

    IDLE = "idle"
    """A run."""
    THINKING = "thinking"
    """The model."""
    ACTING = "acting"
    """Tools, or somebody's consent."""
    ENDING = "ending"
    """Its own RunEnded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallState:
    """A tool call of the present step."""

    call: ToolCallPart
    index: int
    schema: ToolSchema | None
    status: Literal["unapproved", "asked", "ready", "started", "done"]
    result: ToolResultPart | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """The run under way, or the last one."""

    run_id: str
    spec: RunSpec
    started_at: float
    step: int = 0
    """Model calls begun."""
    tool_calls: int = 0
    cache_hits: int = 0
    repairs: int = 0
    """Unusable answers in a row."""
    usage: Usage = Usage()
    cost_usd: float | None = 0.0
    """None once the cost of a model call is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """All that is known of a session."""

    phase: Phase = Phase.IDLE
    messages: tuple[ModelMessage, ...] = ()
    """The whole history, as the model sees it."""
    unseen: tuple[ModelMessage, ...] = ()
    """What was said meanwhile; the model sees it with its next step."""
    run: RunState | None = None
    calls: tuple[CallState, ...] = ()
    used_call_ids: frozenset[str] = frozenset()
    pauses: frozenset[str] = frozenset()
    """The reasons why no new step is taken."""
    withheld: bool = False
    """Whether the phase was entered during a pause, so that its commands are still to be given."""
    ending: EndRun | None = None

    @property
    def active_run(self) -> RunState:
        """The run; raises AssertionError when there was none."""
        assert self.run is not None, "a session outside IDLE has a run"
        return self.run
