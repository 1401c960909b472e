"""What a controller may do to the farm in one control period."""

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import Field

ActionType = Literal["SET_DIMMER", "ADD_SERVER", "REMOVE_SERVER", "NO_ACTION"]
ACTION_TYPES: tuple[ActionType, ...] = get_args(ActionType)
ROUNDING = 1e-9
"""How far beyond a limit a dimmer may be by the arithmetic alone."""

Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLimits:
    """Which actions there are, and how far the dimmer may go; NO_ACTION is always possible."""

    actions: tuple[ActionType, ...] = ACTION_TYPES
    min_dimmer: Share = 0.0
    max_dimmer: Share = 1.0
    max_dimmer_step: Share = 1.0
    """The largest change of the dimmer in one control period."""

    def __post_init__(self) -> None:
        if self.min_dimmer > self.max_dimmer:
            raise ValueError(f"min_dimmer {self.min_dimmer} is above max_dimmer {self.max_dimmer}: exchange them")

    def dimmers(self, now: float) -> tuple[float, float]:
        """The lowest and the highest dimmer that can be set from this one."""
        low, high = now - self.max_dimmer_step, now + self.max_dimmer_step
        return min(max(self.min_dimmer, low), self.max_dimmer), max(min(self.max_dimmer, high), self.min_dimmer)

    def nearest_dimmer(self, now: float, wanted: float) -> float:
        """The dimmer closest to the wanted one that can be set from this one."""
        low, high = self.dimmers(now)
        return min(high, max(low, wanted)) if "SET_DIMMER" in self.actions else now

    def refusal(self, action_type: ActionType) -> str | None:
        """Why there is no such action; None where there is."""
        if action_type in self.actions or action_type == "NO_ACTION":
            return None
        return f"{action_type} is not allowed here; allowed: {', '.join(dict.fromkeys((*self.actions, 'NO_ACTION')))}"
