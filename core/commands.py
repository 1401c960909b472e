"""What a session wants done next, in the imperative. A driver carries them out."""

from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from .exceptions import ErrorRecord
from .inference import ModelRequest
from .parts import ToolCallPart
from .runs import RunStatus
from .tool_schema import ToolSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class CallModel:
    """Ask the model; answer with ModelResponded or ModelFailed."""

    step: int
    request: ModelRequest
    kind: Literal["call_model"] = "call_model"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTool:
    """Run a tool; answer with ToolCompleted, and before that with ToolStarted if its effect is "once"."""

    step: int
    index: int
    """The call's place among the calls of its step, from 0."""
    call: ToolCallPart
    schema: ToolSchema
    kind: Literal["run_tool"] = "run_tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUpTool:
    """A tool that must not run twice may have run: answer with a ToolCompleted that says so."""

    call: ToolCallPart
    kind: Literal["give_up_tool"] = "give_up_tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskApproval:
    """Ask for consent; answer with ApprovalRequested, and with ApprovalGiven when it comes."""

    call: ToolCallPart
    kind: Literal["ask_approval"] = "ask_approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRun:
    """The run is over; answer with RunEnded."""

    status: RunStatus
    result: JsonValue = None
    error: ErrorRecord | None = None
    kind: Literal["end_run"] = "end_run"


Command = CallModel | RunTool | GiveUpTool | AskApproval | EndRun
