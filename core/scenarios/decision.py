"""What an agent decides for a control period, and how its answer becomes an action that the farm can take."""

from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue, TypeAdapter

from ..schema_check import SchemaCheck
from .actions import NO_ACTION, Action, validate
from .limits import ACTION_TYPES, ActionType
from .web_farm import FarmParameters, FarmState

DECISION_SCHEMA: dict[str, Any] = {  # a JSON schema
    "type": "object",
    "properties": {
        "action_type": {"enum": list(ACTION_TYPES)},
        "value": {"type": ["number", "null"], "description": "The new dimmer, 0 to 1, for SET_DIMMER; else null."},
        "reasoning": {"type": "string", "maxLength": 400, "description": "One sentence."},
    },
    "required": ["action_type", "value", "reasoning"],
    "additionalProperties": False,
}
"""The final answer of an agent: small enough for a small model to fill under a grammar."""
_CHECK = SchemaCheck(DECISION_SCHEMA, "decision")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An action that was possible when it was decided on, and why."""

    action: Action = NO_ACTION
    reasoning: str = ""
    problem: str | None = None
    """Why the agent's answer could not be used; the action is then NO_ACTION."""


DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)


def decision_from(result: JsonValue, parameters: FarmParameters, state: FarmState) -> Decision:
    """The decision that an answer means now; an answer that cannot be used is a recorded no-action."""
    problems = _CHECK.problems(result)
    if problems:
        return Decision(problem="; ".join(problems))
    answer = DECISION_ANSWER.validate_python(result)
    action = answer.action
    problem = validate(parameters, state, action)
    if problem is not None:
        return Decision(reasoning=answer.reasoning, problem=problem)
    return Decision(action=action, reasoning=answer.reasoning)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionAnswer:
    """An answer that satisfies DECISION_SCHEMA."""

    action_type: ActionType
    value: float | None
    reasoning: str

    @property
    def action(self) -> Action:
        """The action, without a value where it takes none."""
        return Action(action_type=self.action_type, value=self.value if self.action_type == "SET_DIMMER" else None)


DECISION_ANSWER: TypeAdapter[DecisionAnswer] = TypeAdapter(DecisionAnswer)
