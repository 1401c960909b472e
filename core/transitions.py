"""What each event does to a session's state: pure functions from state and event to state."""

from pydantic import JsonValue

from . import action_protocol
from .commands import EndRun
from .events import (
    ApprovalGiven,
    ApprovalRequested,
    MessageReceived,
    ModelFailed,
    ModelResponded,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
    ToolCompleted,
    ToolStarted,
)
from .exceptions import ErrorRecord, LLMIntegrationError
from .frozen import changed
from .inference import ModelResponse
from .parts import ModelMessage, ToolCallPart, ToolResultPart, text_message
from .pricing import COST, added_usd, total_usd
from .runs import RunStatus
from .session_state import CallState, Phase, RunState, SessionState
from .step_requests import opening_messages
from .tool_schema import ToolSchema
from .usage import Usage
from .verdicts import Answered, Refused, ToolsWanted, Unfinished, Unusable, refusal, verdict_on, with_unique_ids

_BUDGET = "TOKEN_BUDGET_EXCEEDED"


class Forbidden(Exception):  # noqa: N818 - never leaves the session
    """The event may not happen; its text says why."""


def start(state: SessionState, event: RunStarted) -> SessionState:
    """A run begins."""
    run = RunState(run_id=event.run_id, spec=event.spec, started_at=event.at)
    return _think(changed(state, run=run, messages=opening_messages(event.spec, state.messages)))


def take_answer(state: SessionState, event: ModelResponded) -> SessionState:
    """The model answered: run its tools, end with its answer, or let it try again."""
    _require_step(state, event.step)
    run = state.active_run
    hits = run.cache_hits + event.response.cached
    cost_usd = total_usd(run.cost_usd, event.response)
    run = changed(run, usage=run.usage + event.response.usage, cost_usd=cost_usd, cache_hits=hits)
    state = changed(state, run=run)
    match verdict_on(event.response, run.spec):
        case ToolsWanted(calls=calls):
            return _act(state, event.response, calls)
        case Answered(result=result):
            return _answer(_say(state, event.response.as_message()), result)
        case Unusable() as unusable:
            return _repair(_say(state, event.response.as_message()), unusable)
        case Refused(error=error, result=result):
            return _ending(_say(state, event.response.as_message()), "failed", result=result, error=error)
        case Unfinished():
            return _think(_say(state, event.response.as_message()), event.response.text or None)


def fail(state: SessionState, event: ModelFailed) -> SessionState:
    """The model could not be made to answer; answers that were of no use are paid for all the same."""
    _require_step(state, event.step)
    run, context = state.active_run, event.error.context
    if (usage := Usage.of(context)) is not None:
        run = changed(run, usage=run.usage + usage, cost_usd=added_usd(run.cost_usd, context.get(COST)))
    return _ending(changed(state, run=run), "failed", error=event.error)


def hear(state: SessionState, event: MessageReceived) -> SessionState:
    """Somebody said something; it waits for the next step."""
    return changed(state, unseen=(*state.unseen, event.message))


def mark_started(state: SessionState, event: ToolStarted) -> SessionState:
    """A call that must not be repeated is under way."""
    return _with_call(state, changed(_call(state, event.call_id, "ready"), status="started"))


def mark_asked(state: SessionState, event: ApprovalRequested) -> SessionState:
    """Somebody was asked for consent."""
    return _with_call(state, changed(_call(state, event.call_id, "unapproved"), status="asked"))


def decide(state: SessionState, event: ApprovalGiven) -> SessionState:
    """Somebody consented, or did not."""
    call = _call(state, event.call_id, "asked")
    if event.approved:
        return _with_call(state, changed(call, status="ready"))
    return _settle(state, call, f"not approved: {event.reason or 'no reason given'}", is_error=True)


def take_result(state: SessionState, event: ToolCompleted) -> SessionState:
    """A call has its result; after the last one the model is asked again."""
    return _settle(state, _call(state, event.call_id, "ready", "started"), event.content, is_error=event.is_error)


def pause(state: SessionState, event: Paused) -> SessionState:
    """No new step from now on."""
    if event.reason in state.pauses:
        raise Forbidden(f"already paused: {event.reason}")
    return changed(state, pauses=state.pauses | {event.reason})


def resume(state: SessionState, event: Resumed) -> SessionState:
    """One reason to pause is gone."""
    if event.reason not in state.pauses:
        raise Forbidden(f"not paused: {event.reason}")
    pauses = state.pauses - {event.reason}
    return changed(state, pauses=pauses, withheld=state.withheld and bool(pauses))


def end(state: SessionState, event: RunEnded) -> SessionState:
    """The run is over."""
    if event.run_id != state.active_run.run_id:
        raise Forbidden(f"the run under way is {state.active_run.run_id}, not {event.run_id}")
    state = _hear_all(_close_calls(state, event.status))
    return changed(state, phase=Phase.IDLE, calls=(), pauses=frozenset(), withheld=False, ending=None)


def _think(state: SessionState, result: JsonValue = None) -> SessionState:
    """Begin the next step; where the limits allow none, end with the result so far."""
    run = state.active_run
    error = _limit_met(run)
    if error is not None:
        return _ending(state, "budget_exceeded" if error.code == _BUDGET else "max_iterations", result=result, error=error)
    run = changed(run, step=run.step + 1)
    return changed(_hear_all(state), phase=Phase.THINKING, run=run, calls=(), withheld=bool(state.pauses))


def _hear_all(state: SessionState) -> SessionState:
    if not state.unseen:
        return state
    return changed(state, messages=(*state.messages, *state.unseen), unseen=())


def _limit_met(run: RunState) -> ErrorRecord | None:
    """Why the run may take no further step, or None."""
    limits, spent = run.spec.limits, run.usage.total_tokens
    if run.step >= limits.max_steps:
        return ErrorRecord.of(LLMIntegrationError(f"no final answer within {run.step} steps", error_code="MAX_ITERATIONS"))
    if limits.max_tokens is not None and spent >= limits.max_tokens:
        return ErrorRecord.of(LLMIntegrationError(f"{spent} of {limits.max_tokens} tokens are spent", error_code=_BUDGET))
    return None


def _act(state: SessionState, response: ModelResponse, wanted: tuple[ToolCallPart, ...]) -> SessionState:
    unique = with_unique_ids(wanted, state.used_call_ids)
    renamed = iter(unique)
    parts = tuple(next(renamed) if isinstance(part, ToolCallPart) else part for part in response.parts)
    calls = _new_calls(state.active_run, unique)
    run = changed(state.active_run, tool_calls=state.active_run.tool_calls + len(calls), repairs=0)
    state = _say(state, ModelMessage(role="assistant", parts=parts))
    used = state.used_call_ids | {call.call_id for call in unique}
    state = changed(state, phase=Phase.ACTING, run=run, calls=calls, used_call_ids=used, withheld=bool(state.pauses))
    return _after_calls(state)


def _new_calls(run: RunState, calls: tuple[ToolCallPart, ...]) -> tuple[CallState, ...]:
    schemas = {schema.name: schema for schema in run.spec.tools}
    if (limit := _limit_met(run)) is None:
        reasons = [refusal(call, schemas.get(call.name), sorted(schemas)) for call in calls]
    else:  # nobody would read the results
        reasons = [f"not run: {limit.message}"] * len(calls)
    return tuple(_new_call(call, index, schemas.get(call.name), reasons[index]) for index, call in enumerate(calls))


def _new_call(call: ToolCallPart, index: int, schema: ToolSchema | None, reason: str | None) -> CallState:
    if reason is not None:
        return CallState(call=call, index=index, schema=schema, status="done", result=_result(call, reason, True))
    if schema is not None and schema.requires_approval:
        return CallState(call=call, index=index, schema=schema, status="unapproved")
    return CallState(call=call, index=index, schema=schema, status="ready")


def _answer(state: SessionState, result: JsonValue) -> SessionState:
    if state.unseen:
        return _think(state, result)
    return _ending(state, "completed", result=result)


def _repair(state: SessionState, unusable: Unusable) -> SessionState:
    run = state.active_run
    if run.repairs >= run.spec.limits.max_repairs:
        return _ending(state, "failed", result=unusable.result, error=unusable.error)
    state = changed(state, run=changed(run, repairs=run.repairs + 1))
    state = _say(state, text_message("user", f"Your answer cannot be used: {unusable.error.message}. Answer again."))
    return _think(state, unusable.result)


def _settle(state: SessionState, call: CallState, content: JsonValue, *, is_error: bool) -> SessionState:
    return _after_calls(_with_call(state, changed(call, status="done", result=_result(call.call, content, is_error))))


def _result(call: ToolCallPart, content: JsonValue, is_error: bool) -> ToolResultPart:
    return ToolResultPart(call_id=call.call_id, name=call.name, content=content, is_error=is_error)


def _after_calls(state: SessionState) -> SessionState:
    if any(call.result is None for call in state.calls):
        return state
    return _think(_say_results(state))


def _close_calls(state: SessionState, status: RunStatus) -> SessionState:
    """Answer the calls that a run leaves open: providers refuse a history with unanswered ones."""
    if not state.calls:
        return state
    reason = f"no result: the run ended as {status}"
    closed = (call if call.result else changed(call, result=_result(call.call, reason, True)) for call in state.calls)
    return _say_results(changed(state, calls=tuple(closed)))


def _say_results(state: SessionState) -> SessionState:
    results = tuple(call.result for call in state.calls if call.result is not None)
    if state.active_run.spec.protocol != "native" and not state.messages[-1].tool_calls:
        return _say(state, action_protocol.result_message(results))
    return _say(state, ModelMessage(role="tool", parts=results))


def _say(state: SessionState, message: ModelMessage) -> SessionState:
    return changed(state, messages=(*state.messages, message)) if message.parts else state  # providers refuse empty messages


def _ending(state: SessionState, status: RunStatus, result: JsonValue = None, error: ErrorRecord | None = None) -> SessionState:
    return changed(state, phase=Phase.ENDING, ending=EndRun(status=status, result=result, error=error), calls=())


def _call(state: SessionState, call_id: str, *statuses: str) -> CallState:
    found = next((call for call in state.calls if call.call.call_id == call_id), None)
    if found is None:
        raise Forbidden(f"no call {call_id!r} in this step")
    if found.status not in statuses:
        raise Forbidden(f"call {call_id!r} is {found.status}")
    return found


def _with_call(state: SessionState, call: CallState) -> SessionState:
    return changed(state, calls=tuple(call if old.index == call.index else old for old in state.calls))


def _require_step(state: SessionState, step: int) -> None:
    if step != state.active_run.step:
        raise Forbidden(f"the present step is {state.active_run.step}, not {step}")
