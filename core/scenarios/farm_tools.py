"""The tools an agent adapts the farm with. They read the snapshot in the session's context, under `farm`, and nothing else."""

from typing import Annotated

from pydantic import Field, JsonValue

from ..tool_registry import ToolCallContext, tool
from .actions import Action, validate
from .control_loop import SNAPSHOT, Snapshot
from .forecast import forecast
from .limits import ActionType
from .scenario import FARM_TOOLS
from .web_farm import Interval
from .what_if import predict

DIGITS = 3
"""Enough to decide by, and few tokens."""


@tool(effect="pure")
def get_metrics(call: ToolCallContext) -> dict[str, JsonValue]:
    """The farm now: servers, dimmer, and what was observed in the last control period."""
    snapshot = _snapshot(call)
    state, parameters = snapshot.state, snapshot.parameters
    return {
        "period": snapshot.period,
        "periods": snapshot.periods,
        "control_period_s": snapshot.control_period_s,
        "servers": {
            "active": state.active,
            "booting": len(state.booting),
            "failed": state.failed,
            "max": parameters.max_servers,
            "max_rate_each": round(1 / parameters.optional_service_s, DIGITS),
        },
        "dimmer": round(state.dimmer, DIGITS),
        "dimmers": [round(bound, DIGITS) for bound in parameters.limits.dimmers(state.dimmer)],
        "actions": list(parameters.limits.actions),
        "backlog": round(state.backlog, DIGITS),
        "sla_s": parameters.sla_s,
        **_observed(snapshot.history[-1]),
    }


@tool(effect="pure")
def get_history(call: ToolCallContext) -> list[JsonValue]:
    """What was observed in the last control periods, the latest last."""
    return [_observed(interval) for interval in _snapshot(call).history]


@tool(effect="pure")
def past_decisions(call: ToolCallContext, action_type: ActionType | None = None) -> list[JsonValue]:
    """What was decided before in this run, why, and what came of it, the latest last: what to repeat, and what not.

    Args:
        action_type: Only decisions for this action; leave it out for all.
    """
    decisions = (known for known in _snapshot(call).decisions if action_type in (None, known.action.action_type))
    return [
        {
            "period": known.period,
            "action": str(known.action),
            "reasoning": known.reasoning,
            **({"problem": known.problem} if known.problem else {}),
            "utility_before": round(known.utility_before, DIGITS),
            "utility": round(known.utility, DIGITS),
            "response_time_s": round(known.response_time_s, DIGITS),
            "sla_met": known.sla_met,
        }
        for known in decisions
    ]


@tool(effect="pure")
def forecast_load(horizon_s: Annotated[float, Field(gt=0)], call: ToolCallContext) -> dict[str, JsonValue]:
    """The arrival rate to expect, in requests per second, from the rates observed so far.

    Args:
        horizon_s: How far to look ahead, in seconds.
    """
    snapshot = _snapshot(call)
    rates = [interval.arrival_rate for interval in snapshot.history]
    load = forecast(rates)
    expected = load.rate(horizon_s / snapshot.control_period_s)
    return {
        "horizon_s": horizon_s,
        "observed": [round(rate, DIGITS) for rate in rates],
        "expected": round(expected, DIGITS),
        "low": round(max(0.0, expected - load.error), DIGITS),
        "high": round(expected + load.error, DIGITS),
    }


@tool(effect="pure")
def simulate_action(action_type: ActionType, call: ToolCallContext, value: float | None = None) -> dict[str, JsonValue]:
    """What an action would bring under the forecast load: the next control period, and the mean utility of the next few.

    Args:
        action_type: The action to try.
        value: The new dimmer, 0 to 1, for SET_DIMMER; otherwise leave it out.
    """
    snapshot = _snapshot(call)
    action = Action(action_type=action_type, value=value)
    tried: dict[str, JsonValue] = {"action_type": action_type, "value": value}
    reason = validate(snapshot.parameters, snapshot.state, action)
    if reason is not None:
        return {**tried, "possible": False, "reason": reason}
    prediction = predict(snapshot, action)
    return {
        **tried,
        "possible": True,
        "next_period": _observed(prediction.next_period),
        "mean_utility": round(prediction.mean_utility, DIGITS),
        "periods": prediction.periods,
    }


def reference(name: str) -> str:
    """Where a tool of a scenario is found: one of the farm's own, or another as it is."""
    return f"{__name__}:{name}" if name in FARM_TOOLS else name


def _snapshot(call: ToolCallContext) -> Snapshot:
    farm = call.context.get("farm")
    if farm is None:
        raise ValueError("the session's context has no 'farm': submit the session with context={'farm': loop.snapshot()}")
    return SNAPSHOT.validate_python(farm)


def _observed(interval: Interval) -> dict[str, JsonValue]:
    return {
        "arrival_rate": round(interval.arrival_rate, DIGITS),
        "response_time_s": round(interval.response_time_s, DIGITS),
        "utilisation": round(interval.utilisation, DIGITS),
        "dropped": round(interval.dropped, DIGITS),
        "utility": round(interval.utility, DIGITS),
        "sla_met": interval.sla_met,
    }
