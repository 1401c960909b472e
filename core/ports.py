"""What a driver of sessions needs of the world around it. Near and far implementations look the same."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pydantic import JsonValue

from .call_context import CallContext
from .events import Event
from .inference import ModelRequest, ModelResponse
from .models import ToolResult


class ModelPort(Protocol):
    """Answers model requests."""

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """The model's answer; raises LLMIntegrationError."""
        ...


class ToolPort(Protocol):
    """Runs tools."""

    async def run_tool(
        self, name: str, arguments: Mapping[str, JsonValue], call: CallContext, context: Mapping[str, JsonValue]
    ) -> ToolResult:
        """What the tool answered. A tool's failure is a result, not an exception; raises ActorError when the outcome is unknown."""
        ...


class CallerPort(Protocol):
    """Knows whether the process that holds a session's live tools is there."""

    async def caller_back(self, call: CallContext) -> None:
        """Return when it is; raises DeadlineExceededError when it does not come in the call's remaining time."""
        ...


class JournalPort(Protocol):
    """Keeps the log of every session: one writer at a time, by compare-and-set."""

    async def append(self, session_id: str, expected_seq: int, events: Sequence[Event]) -> None:
        """Add events to a log that is `expected_seq` events long; raises JournalConflictError when it is not."""
        ...

    async def read(self, session_id: str, after: int = 0) -> tuple[Event, ...]:
        """The events after the first `after`; empty for an unknown session."""
        ...
