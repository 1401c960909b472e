"""The JSON schemas of the answers that POLARIS asks models for, by name. Only what a reader of the answer relies on is required."""

from collections.abc import Mapping
from typing import Any

JsonSchema = dict[str, Any]  # passed through

_TEXT: JsonSchema = {"type": "string"}
_TEXTS: JsonSchema = {"type": "array", "items": _TEXT}
_OBJECT: JsonSchema = {"type": "object"}
_SHARE: JsonSchema = {"type": "number", "minimum": 0, "maximum": 1}
_LEVEL: JsonSchema = {"enum": ["low", "medium", "high"]}


def _object(*required: str, **properties: JsonSchema) -> JsonSchema:
    return {"type": "object", "properties": properties, "required": list(required)}


_RECOMMENDATION = _object("action_type", action_type=_TEXT, parameters=_OBJECT, rationale=_TEXT, confidence=_SHARE, risk_level=_LEVEL)
_SIMULATION = _object(
    "immediate_effects",
    "risk_assessment",
    "success_probability",
    immediate_effects={},
    risk_assessment=_object("level", level=_TEXT),
    success_probability=_SHARE,
)

RESPONSE_SCHEMAS: Mapping[str, JsonSchema] = {
    "reasoning_result": _object(
        "analysis",
        "recommendations",
        analysis=_TEXT,
        recommendations={"type": "array", "items": _RECOMMENDATION},
        reasoning_steps=_TEXTS,
    ),
    "world_model_update": _object("updated_model", updated_model=_object("system_description", system_description=_TEXT)),
    "simulation_result": _object(
        "simulation_result",
        "recommendations",
        simulation_result=_SIMULATION,
        recommendations=_object("proceed", proceed={"type": "boolean"}),
    ),
    "agentic_action": _object(
        "action",
        action={"enum": ["use_tool", "final_answer"]},
        tool_name=_TEXT,
        parameters=_OBJECT,
        reasoning=_TEXT,
        confidence=_SHARE,
    ),
}
