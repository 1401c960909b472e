"""A session that shows itself: its messages, tool calls and result appear in an AgenticConversation as they come."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from .commands import Command
from .conversation_ports import one_result_each
from .conversations import MAX_MESSAGES, trimmed
from .events import Event, ModelFailed, ModelResponded, RunEnded, RunStarted, ToolCompleted, outcome_of
from .flat import flat_message, typed_messages
from .inference import ModelResponse
from .models import AgenticConversation, ToolCall, ToolCallStatus, ToolResult
from .parts import ReasoningPart
from .runs import RunOutcome
from .session import Session
from .session_state import SessionState
from .verdicts import ToolsWanted, refusal, verdict_on, with_unique_ids

_OPEN = (ToolCallStatus.PENDING, ToolCallStatus.EXECUTING)


class ConversationSession(Session):
    """Begins with what the conversation says now, but for the last message: that is the objective of the run which is to start.

    What happens then is written to the conversation; `results` are the tools' answers by call id.
    """

    def __init__(self, conversation: AgenticConversation, results: Mapping[str, ToolResult]) -> None:
        super().__init__(conversation.conversation_id)
        self._conversation = conversation
        self._results = results
        used = frozenset(call.call_id for call in conversation.tool_calls)
        used |= {call.call_id for message in conversation.messages for call in message.tool_calls}
        self.state = SessionState(messages=typed_messages(trimmed(conversation.messages, MAX_MESSAGES)[:-1]), used_call_ids=used)
        self._shown = 0
        self.outcome: RunOutcome | None = None

    def receive(self, event: Event) -> tuple[Command, ...]:
        """As Session; the conversation then shows it."""
        before = self.state
        commands = super().receive(event)
        match event:
            case RunStarted():
                self._show_start()
            case ModelResponded():
                self._show_thoughts(event.response)
                self._show_calls(event, before)
            case ModelFailed():
                self._conversation.add_reasoning_step(f"{event.error.type}: {event.error.message}")
            case ToolCompleted():
                self._show_result(event)
        self._conversation.current_iteration = self.state.active_run.step
        self._show_messages()
        if isinstance(event, RunEnded):
            self._show_end(event)
        return commands

    def _show_start(self) -> None:
        self._conversation.is_complete, self._conversation.final_result = False, None
        self._shown = len(self.state.messages)

    def _show_messages(self) -> None:
        for message in one_result_each(self.state.messages[self._shown :]):
            self._conversation.add_message(flat_message(message))
        self._shown = len(self.state.messages)

    def _show_thoughts(self, response: ModelResponse) -> None:
        reasoning = (part.text for part in response.parts if isinstance(part, ReasoningPart))
        for thought in (*reasoning, response.text):
            if thought.strip():
                self._conversation.add_reasoning_step(thought)

    def _show_calls(self, event: ModelResponded, before: SessionState) -> None:
        spec = self.state.active_run.spec
        verdict = verdict_on(event.response, spec)
        if not isinstance(verdict, ToolsWanted):
            return
        schemas = {schema.name: schema for schema in spec.tools}
        statuses = {call.call.call_id: call.status for call in self.state.calls}
        for call in with_unique_ids(verdict.calls, before.used_call_ids):
            record = ToolCall(call.name, call.arguments, call.call_id, created_at=_time(event.at))
            match statuses.get(call.call_id, "done"):
                case "done":
                    reason = refusal(call, schemas.get(call.name), sorted(schemas)) or "not run: the run may take no further step"
                    record = _closed(record, ToolCallStatus.FAILED, event.at, error_message=reason)
                case "ready":
                    record = replace(record, status=ToolCallStatus.EXECUTING)
            self._conversation.add_tool_call(record)

    def _show_result(self, event: ToolCompleted) -> None:
        if not event.is_error:
            self._settle(event.call_id, ToolCallStatus.SUCCESS, event.at, execution_time=event.duration_s, result=event.content)
            return
        result = self._results.get(event.call_id)
        timed_out = result is not None and result.metadata.get("status") == ToolCallStatus.TIMEOUT
        status = ToolCallStatus.TIMEOUT if timed_out else ToolCallStatus.FAILED
        self._settle(event.call_id, status, event.at, execution_time=event.duration_s, error_message=str(event.content))

    def _show_end(self, ended: RunEnded) -> None:
        for call in self._conversation.tool_calls:
            if call.status in _OPEN:
                self._settle(call.call_id, ToolCallStatus.FAILED, ended.at, error_message=f"no result: the run ended as {ended.status}")
        self.outcome = outcome_of(self.session_id, ended)
        self._conversation.complete(final_result(ended))

    def _settle(self, call_id: str, status: ToolCallStatus, at: float, **outcome: Any) -> None:  # fields of ToolCall
        calls = self._conversation.tool_calls
        for index, call in enumerate(calls):
            if call.call_id == call_id and call.status in _OPEN:
                calls[index] = _closed(call, status, at, **outcome)


def final_result(ended: RunEnded) -> Any:  # JSON
    """The final answer; where there is none, the run's status, its error, and as much of a result as there was."""
    if ended.status == "completed" and ended.result is not None:
        return ended.result
    error = None if ended.error is None else asdict(ended.error)
    return {"status": ended.status, "error": error, "result": ended.result, "iterations": ended.steps}


def _closed(call: ToolCall, status: ToolCallStatus, at: float, **outcome: Any) -> ToolCall:  # fields of ToolCall
    return replace(call, status=status, completed_at=_time(at), **outcome)


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
