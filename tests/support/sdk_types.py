"""Official SDKs' types as judges: a request body is held against the TypedDict of its parameters, and no unknown field passes."""

from typing import Any

from pydantic import TypeAdapter
from pydantic_core import SchemaValidator


def judge_of(parameters: Any) -> SchemaValidator:  # a TypedDict, or a union of such
    """What raises ValidationError for a body that the SDK's types do not allow."""
    return SchemaValidator(_closed(TypeAdapter(parameters).core_schema))


def _closed(schema: Any) -> Any:  # a core schema, or a piece of one
    """The schema without its leniency: unknown fields, iterables that are never looked at, and models where the wire has objects."""
    if isinstance(schema, list | tuple):
        return type(schema)(map(_closed, schema))
    if not isinstance(schema, dict):
        return schema
    closed = {name: value if name == "metadata" else _closed(value) for name, value in schema.items()}
    match closed.get("type"):
        case "generator":
            closed["type"] = "list"
        case "typed-dict":
            closed["extra_behavior"] = "forbid"
        case "model":
            return {"type": "is-instance", "cls": schema["cls"]} | ({"ref": schema["ref"]} if "ref" in schema else {})
    return closed
