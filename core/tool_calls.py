"""The tool calls of one run: a failure is a result, what may be repeated is repeated once, an absent caller is waited for."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from .call_context import CallContext
from .commands import RunTool
from .exceptions import ActorError, CallerAwayError, LLMIntegrationError, OutcomeUnknownError
from .frozen import changed
from .models import ToolResult
from .ports import CallerPort, ToolPort
from .runs import RunSpec

OUTCOME_UNKNOWN = "outcome unknown: the tool was started but its result was lost; it is not run again"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalls:
    """Asks the tool port."""

    tools: ToolPort
    callers: CallerPort | None
    """Where absent callers are waited for; without it their absence is a failure like any other."""
    spec: RunSpec
    remaining: Callable[[], float]
    """Seconds until the run's deadline."""
    waiting: Callable[[], AbstractContextManager[None]]
    """Entered while a caller is waited for."""

    async def result(self, command: RunTool, call: CallContext) -> ToolResult:
        """The call's one result; raises CallerAwayError when its caller did not come back in time."""
        try:
            return await self._once_caller_is_there(command, call)
        except OutcomeUnknownError as error:
            if command.schema.effect == "once":
                return _failure(command, f"{OUTCOME_UNKNOWN} ({error})")
        try:
            return await self._once_caller_is_there(command, changed(call, attempt=2, remaining_s=self.remaining()))
        except OutcomeUnknownError as error:
            return _failure(command, str(error))

    async def _once_caller_is_there(self, command: RunTool, call: CallContext) -> ToolResult:
        while True:
            try:
                return await self._try(command, call)
            except CallerAwayError as away:
                if self.callers is None:
                    return _failure(command, str(away))
                await self._wait(self.callers, call, away)
                call = changed(call, remaining_s=self.remaining())

    async def _wait(self, callers: CallerPort, call: CallContext, away: CallerAwayError) -> None:
        seconds = min(self.spec.limits.caller_timeout_s, self.remaining())
        with self.waiting():
            try:
                await callers.caller_back(changed(call, remaining_s=seconds))
            except ActorError:
                raise CallerAwayError(f"{away.message}; waited {seconds:g} s", away.actor) from None

    async def _try(self, command: RunTool, call: CallContext) -> ToolResult:
        try:
            return await self.tools.run_tool(command.call.name, command.call.arguments, call, self.spec.context)
        except (OutcomeUnknownError, CallerAwayError):
            raise
        except LLMIntegrationError as error:
            return _failure(command, str(error))
        except Exception as error:  # the boundary that runs tools: a defect in one is its result
            return _failure(command, f"{type(error).__name__}: {error}")


def _failure(command: RunTool, message: str) -> ToolResult:
    return ToolResult(call_id=command.call.call_id, tool_name=command.call.name, success=False, result={}, error_message=message)
