"""What can be done to the farm: the actions, when each is possible, and what it does."""

import math
from dataclasses import dataclass, replace
from typing import assert_never

from .limits import ROUNDING, ActionType
from .web_farm import FarmParameters, FarmState


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One adaptation; `value` is the dimmer for SET_DIMMER and of no account otherwise."""

    action_type: ActionType
    value: float | None = None

    def __str__(self) -> str:
        return f"{self.action_type}({self.value:g})" if self.action_type == "SET_DIMMER" and self.value is not None else self.action_type


NO_ACTION = Action(action_type="NO_ACTION")
ADD_SERVER = Action(action_type="ADD_SERVER")
REMOVE_SERVER = Action(action_type="REMOVE_SERVER")


def set_dimmer(value: float) -> Action:
    """The action that sets the dimmer to `value`."""
    return Action(action_type="SET_DIMMER", value=value)


def validate(parameters: FarmParameters, state: FarmState, action: Action) -> str | None:
    """Why the action is impossible now; None when it is possible."""
    refusal = parameters.limits.refusal(action.action_type)
    if refusal is not None:
        return refusal
    match action.action_type:
        case "SET_DIMMER":
            return _dimmer_problem(parameters, state, action.value)
        case "ADD_SERVER":
            room = state.powered < parameters.max_servers
            return None if room else f"ADD_SERVER: all {parameters.max_servers} servers are active or booting; choose another action"
        case "REMOVE_SERVER":
            return None if state.active > 1 else f"REMOVE_SERVER: only {state.active} server is active, and one must stay"
        case "NO_ACTION":
            return None
        case _:
            assert_never(action.action_type)


def dimmer_towards(parameters: FarmParameters, state: FarmState, wanted: float) -> Action:
    """The action that brings the dimmer as close to the wanted one as the limits allow."""
    nearest = parameters.limits.nearest_dimmer(state.dimmer, wanted)
    return NO_ACTION if nearest == state.dimmer else set_dimmer(nearest)


def apply(parameters: FarmParameters, state: FarmState, action: Action) -> FarmState:
    """The farm after a possible action; raises ValueError with the reason for an impossible one."""
    reason = validate(parameters, state, action)
    if reason is not None:
        raise ValueError(reason)
    match action.action_type:
        case "SET_DIMMER":
            return replace(state, dimmer=state.dimmer if action.value is None else float(action.value))
        case "ADD_SERVER":
            return replace(state, booting=(*state.booting, parameters.boot_s), failed=max(0, state.failed - 1))
        case "REMOVE_SERVER":
            return replace(state, active=state.active - 1)
        case "NO_ACTION":
            return state
        case _:
            assert_never(action.action_type)


def fail(state: FarmState, servers: int) -> FarmState:
    """The farm after so many of its active servers broke; what they worked on goes to the others."""
    broken = min(servers, state.active)
    return replace(state, active=state.active - broken, failed=state.failed + broken)


def _dimmer_problem(parameters: FarmParameters, state: FarmState, value: float | None) -> str | None:
    if value is None or not (math.isfinite(value) and 0 <= value <= 1):
        return f"SET_DIMMER takes a value from 0 to 1, not {value}"
    low, high = parameters.limits.dimmers(state.dimmer)
    fits = low - ROUNDING <= value <= high + ROUNDING
    return None if fits else f"SET_DIMMER({value:g}): from {state.dimmer:g} the dimmer can be set to {low:g} at least and {high:g} at most"
