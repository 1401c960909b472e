"""Tools without native tool calls: the model writes one JSON action per answer, constrained by a schema where the server can."""

import json
from typing import Any

from pydantic import JsonValue

from .parts import ModelMessage, ToolResultPart, text_message
from .tool_schema import ToolSchema

_INSTRUCTIONS = """Answer with exactly one JSON object and nothing else. To use a tool:
{"action": "use_tool", "tool_name": NAME, "parameters": {...}}
To give the final answer:
{"action": "final_answer", "result": ...}"""


def instructions(tools: tuple[ToolSchema, ...], result_schema: dict[str, Any] | None) -> str:
    """What the system prompt must add for a model to speak the protocol."""
    lines = [_INSTRUCTIONS]
    if tools:
        lines.append("Tools:")
        lines += [f"- {tool.name}: {tool.description} Parameters: {_readable(tool.json_schema())}" for tool in tools]
    if result_schema is not None:
        lines.append(f"The result must satisfy this JSON schema: {_readable(result_schema)}")
    return "\n".join(lines)


def action_schema(tools: tuple[ToolSchema, ...], result_schema: dict[str, Any] | None) -> dict[str, Any]:
    """The JSON schema of an action with these tools; with none, only a final answer is left."""
    definitions: dict[str, Any] = {}  # names to JSON schemas
    uses = [_use_of(tool, definitions) for tool in tools]
    result = _hoisted(result_schema or {}, "final_answer", definitions)
    final = _closed({"action": {"const": "final_answer"}, "result": result})
    schema = {"anyOf": [*uses, final]} if uses else final
    return {**schema, "$defs": definitions} if definitions else schema


def _use_of(tool: ToolSchema, definitions: dict[str, Any]) -> dict[str, Any]:
    parameters = _hoisted(tool.json_schema(), f"use_tool.{tool.name}", definitions)
    return _closed({"action": {"const": "use_tool"}, "tool_name": {"const": tool.name}, "parameters": parameters})


def _hoisted(schema: dict[str, Any], owner: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema with its `$defs` moved into `definitions`, for references are resolved from the root of the whole."""
    inner: dict[str, Any] = _renamed(schema, owner)
    definitions.update({f"{owner}.{name}": definition for name, definition in inner.pop("$defs", {}).items()})
    return inner


def _renamed(node: Any, owner: str) -> Any:  # any part of a JSON schema
    match node:
        case {"$ref": str(reference), **rest} if reference.startswith("#/$defs/"):
            return {**_renamed(rest, owner), "$ref": reference.replace("#/$defs/", f"#/$defs/{owner}.", 1)}
        case dict():
            return {key: _renamed(value, owner) for key, value in node.items()}
        case list():
            return [_renamed(item, owner) for item in node]
        case _:
            return node


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def result_message(results: tuple[ToolResultPart, ...]) -> ModelMessage:
    """Tool results as the model of this protocol reads them."""
    return text_message("user", "\n".join(_readable(_as_json(result)) for result in results))


def _as_json(result: ToolResultPart) -> dict[str, JsonValue]:
    key = "error" if result.is_error else "result"
    return {"tool_result": {"tool_name": result.name, key: result.content}}


def _readable(value: object) -> str:
    """Canonical JSON but for its letters, which a model reads better, and pays less for, as they are."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode(errors="backslashreplace").decode()  # half an emoji, which UTF-8 cannot spell, becomes its JSON escape
