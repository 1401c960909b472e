"""How the scripted reasoner thinks: survey the farm, try the actions that the numbers suggest, take the best. Pure functions."""

from dataclasses import dataclass
from typing import TypeVar

from pydantic import JsonValue, TypeAdapter, ValidationError

from .actions import Action, set_dimmer
from .limits import ACTION_TYPES, ActionType

TARGET_UTILISATION = 0.9
"""At which the full dimmer's response time is still within the SLA."""
HORIZON_S = 60.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool to ask."""

    name: str
    arguments: dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReply:
    """What a tool answered; no content if it failed."""

    name: str
    content: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """The part of get_metrics on servers that the reasoner reads."""

    active: int
    booting: int
    max: int
    max_rate_each: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What the reasoner reads of get_metrics."""

    servers: Servers
    dimmer: float
    backlog: float
    control_period_s: float
    dimmers: tuple[float, float] = (0.0, 1.0)
    """The lowest and the highest that can be set now."""
    actions: tuple[ActionType, ...] = ACTION_TYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the reasoner reads of forecast_load."""

    expected: float
    high: float
    observed: tuple[float, ...] = ()
    """The rates so far, the latest last."""

    @property
    def may_rise(self) -> bool:
        """Whether the last rate is higher than the one before, or the only one; a forecast that tells none is believed."""
        return len(self.observed) == 1 or self.observed[-1:] > self.observed[-2:-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the reasoner reads of simulate_action."""

    action_type: ActionType
    value: float | None
    mean_utility: float


_METRICS: TypeAdapter[Metrics] = TypeAdapter(Metrics)
_LOAD: TypeAdapter[Load] = TypeAdapter(Load)
_TRIAL: TypeAdapter[Trial] = TypeAdapter(Trial)

SURVEY = (ToolCall(name="get_metrics", arguments={}), ToolCall(name="forecast_load", arguments={"horizon_s": HORIZON_S}))


def plan(replies: tuple[ToolReply, ...]) -> tuple[ToolCall, ...]:
    """All the calls of the deliberation as far as it can be planned, those already answered first."""
    metrics, load = _first(_METRICS, "get_metrics", replies), _first(_LOAD, "forecast_load", replies)
    if metrics is None or load is None:
        return SURVEY
    return (*SURVEY, *(_trial_of(action) for action in candidates(metrics, load)))


def candidates(metrics: Metrics, load: Load) -> tuple[Action, ...]:
    """The actions worth trying: to stay, to change the number of servers where the load suggests it, and dimmers that fit it.

    No server is given up while the load may rise: a trial looks ahead a few periods, and the server would be missed for longer.
    """
    servers = metrics.servers
    bearable = servers.active * servers.max_rate_each * TARGET_UTILISATION
    kinds: list[ActionType] = ["NO_ACTION"]
    if servers.active + servers.booting < servers.max:
        kinds.append("ADD_SERVER")
    if load.high * servers.active < bearable * (servers.active - 1) and not load.may_rise:
        kinds.append("REMOVE_SERVER")
    waiting = metrics.backlog / metrics.control_period_s
    fitting = (min(1.0, bearable / max(rate + waiting, bearable)) for rate in (load.expected, load.high, 1.25 * load.high))
    low, high = metrics.dimmers
    dimmers = sorted({min(high, max(low, round(dimmer, 2))) for dimmer in fitting} - {metrics.dimmer}, reverse=True)
    tried = (*(Action(action_type=kind) for kind in kinds), *(set_dimmer(dimmer) for dimmer in dimmers))
    return tuple(action for action in tried if action.action_type in (*metrics.actions, "NO_ACTION"))


def conclusion(replies: tuple[ToolReply, ...]) -> dict[str, JsonValue]:
    """The decision for the best trial, as DECISION_SCHEMA has it; with no trial to go by, to do nothing."""
    trials = [trial for reply in replies if (trial := _read(_TRIAL, "simulate_action", reply)) is not None]
    if not trials:
        return {"action_type": "NO_ACTION", "value": None, "reasoning": "No simulation succeeded, so the farm stays as it is."}
    best = max(trials, key=lambda trial: trial.mean_utility)
    told = ", ".join(
        f"{trial.action_type}{'' if trial.value is None else f' {trial.value:g}'} {trial.mean_utility:.1f}" for trial in trials
    )
    return {"action_type": best.action_type, "value": best.value, "reasoning": f"Predicted mean utility: {told}."}


def _trial_of(action: Action) -> ToolCall:
    arguments: dict[str, JsonValue] = {"action_type": action.action_type}
    return ToolCall(name="simulate_action", arguments=arguments if action.value is None else {**arguments, "value": action.value})


def _first(adapter: TypeAdapter[T], name: str, replies: tuple[ToolReply, ...]) -> T | None:
    return next((known for reply in replies if (known := _read(adapter, name, reply)) is not None), None)


def _read(adapter: TypeAdapter[T], name: str, reply: ToolReply) -> T | None:
    """The reply as far as the reasoner understands it."""
    if reply.name != name:
        return None
    try:
        return adapter.validate_python(reply.content)
    except ValidationError:
        return None
