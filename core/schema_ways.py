"""How an answer by schema is asked for where the server does not see to it: by a tool that must be called, or by the prompt."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import JsonValue

from .inference import ModelRequest, ModelResponse
from .json_text import json_documents
from .parts import ModelMessage, ToolResultPart, text_message
from .tool_schema import ToolSchema

JsonSchema = dict[str, Any]  # passed through

_INSTRUCTION = "Answer with one JSON value that satisfies this JSON schema, and with nothing else: "
_INSTRUCTION_BESIDE_TOOLS = (
    "Call tools as you need them. Your final answer is one JSON value that satisfies this JSON schema, and nothing else: "
)
_SAYABLE = frozenset({"type", "properties", "required", "additionalProperties", "$defs", "title", "description", "$schema", "$comment"})
"""Keywords of an object that a tool's parameters have a place for, or that say nothing of its values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByPrompt:
    """The schema stands in the prompt, and the JSON in the answer's text."""

    schema: JsonSchema
    name: Literal["prompt"] = "prompt"

    def asked(self, request: ModelRequest) -> ModelRequest:
        """The request whose prompt holds the schema."""
        instruction = (_INSTRUCTION_BESIDE_TOOLS if request.tools else _INSTRUCTION) + json.dumps(self.schema, ensure_ascii=False)
        return replace(request, response_schema=None, messages=(text_message("system", instruction), *request.messages))

    def documents(self, response: ModelResponse) -> Sequence[JsonValue] | None:
        """The JSON that may be the answer; None when there is to be none, for the model calls tools."""
        return None if response.tool_calls else tuple(json_documents(response.text))

    def complaint(self, response: ModelResponse, problems: str) -> ModelMessage:
        """What the model is told of an answer that does not fit."""
        return text_message("user", f"That answer cannot be used: {problems}. Answer again, with the JSON value alone.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ByTool:
    """The schema is that of a tool's arguments, and the tool must be called. Where a server forces nothing, a text is an answer too."""

    tool: ToolSchema
    schema: JsonSchema
    name: Literal["tool"] = "tool"

    def asked(self, request: ModelRequest) -> ModelRequest:
        """The request with the tool."""
        return replace(request, response_schema=None, tools=(self.tool,), tool_choice="required")

    def documents(self, response: ModelResponse) -> Sequence[JsonValue] | None:
        """The JSON that may be the answer."""
        called = [call.arguments for call in response.tool_calls if call.malformed is None]
        return called or tuple(json_documents(response.text))

    def complaint(self, response: ModelResponse, problems: str) -> ModelMessage:
        """What the model is told of an answer that does not fit."""
        told = f"That answer cannot be used: {problems}. Call {self.tool.name} again."
        results = (ToolResultPart(call_id=call.call_id, name=call.name, content=told, is_error=True) for call in response.tool_calls)
        return ModelMessage(role="tool", parts=tuple(results)) if response.tool_calls else text_message("user", told)


Way = ByPrompt | ByTool


def way_of(request: ModelRequest, *, can_be_forced: bool) -> Way | None:
    """How the request's schema is asked for; None without one. A request with tools of its own is asked by the prompt, free to use them."""
    schema = request.response_schema
    if schema is None:
        return None
    tool = answer_tool(schema) if can_be_forced and not request.tools else None
    return ByTool(tool=tool, schema=schema) if tool else ByPrompt(schema=schema)


def answer_tool(schema: JsonSchema) -> ToolSchema | None:
    """The tool that takes what satisfies the schema; None for a schema that is not that of an object with named members."""
    members, others = schema.get("properties"), schema.get("additionalProperties", True)
    if schema.get("type") != "object" or not isinstance(members, dict) or not isinstance(others, bool):
        return None
    if not members or not _SAYABLE.issuperset(schema):
        return None
    return ToolSchema(
        name="answer",
        description=schema.get("description", "Gives the answer."),
        parameters=members,
        required=list(schema.get("required", ())),
        definitions=schema.get("$defs", {}),
        closed=not others,
    )
