"""Answers that satisfy a JSON schema, from models whose server does not see to it: by a tool, or the prompt, and one chance to mend them.

The tool's parameters are the schema, and it must be called. A request with tools of its own is asked by the prompt, so that its model
is free to call those.
"""

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import JsonValue

from .call_context import CallContext
from .canonical import canonical_json
from .exceptions import LLMResponseParsingError
from .inference import FinishReason, ModelRequest, ModelResponse
from .json_text import json_documents
from .parts import ModelMessage, ReasoningPart, TextPart, ToolResultPart, text_message
from .schema_check import SchemaCheck
from .tool_schema import ToolSchema

Ask = Callable[[ModelRequest, CallContext], Awaitable[ModelResponse]]
JsonSchema = dict[str, Any]  # passed through

STRUCTURED_BY = "structured_by"
"""Where a response's metadata tells how its schema was asked for."""

_INSTRUCTION = "Answer with one JSON value that satisfies this JSON schema, and with nothing else: "
_INSTRUCTION_BESIDE_TOOLS = (
    "Call tools as you need them. Your final answer is one JSON value that satisfies this JSON schema, and nothing else: "
)
_SPOKEN = frozenset({FinishReason.STOP, FinishReason.LENGTH, FinishReason.TOOL_CALLS})
"""Ends after which there should be an answer."""
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
    """How the request's schema is asked for, the server seeing to none; `can_be_forced`: to call a tool. None without a schema."""
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


async def answer_by_schema(
    ask: Ask, request: ModelRequest, way: Way, call: CallContext, clock: Callable[[], float] = time.monotonic
) -> ModelResponse:
    """An answer whose text is JSON that satisfies the schema, or one that calls tools; raises LLMResponseParsingError after two answers."""
    asked = way.asked(request)
    started = clock()
    first = await ask(asked, call)
    found, problems = _judged(first, way)
    if not problems:
        return found
    messages = (*asked.messages, first.as_message(), way.complaint(first, "; ".join(problems)))
    second = await ask(replace(asked, messages=messages), _again(call, clock() - started))
    found, problems = _judged(second, way)
    if problems:
        raise _useless(second, problems, request.model)
    return replace(
        found,
        usage=first.usage + second.usage,
        attempts=first.attempts + second.attempts,
        latency_s=first.latency_s + second.latency_s,
        metadata={**found.metadata, "repaired": True},
    )


def _useless(second: ModelResponse, problems: list[str], model: str) -> LLMResponseParsingError:
    return LLMResponseParsingError(
        f"model {model!r} gave no answer that satisfies the schema, when told what was wrong neither: {'; '.join(problems)}",
        response_content=second.text,
        expected_format="JSON that satisfies the request's schema",
        validation_errors=problems,
        provider=second.provider,
        model_name=model,
    )


def _again(call: CallContext, passed_s: float) -> CallContext:
    """The place of the second question: another call in the time that is left."""
    left_s = None if call.remaining_s is None else max(0.0, call.remaining_s - passed_s)
    return replace(call, call_id=f"{call.call_id}/repair", remaining_s=left_s)


def _judged(response: ModelResponse, way: Way) -> tuple[ModelResponse, list[str]]:
    """The answer with its text reduced to the JSON that fits, and what is wrong where nothing fits."""
    documents = way.documents(response)
    if documents is None or response.finish_reason not in _SPOKEN:
        return response, []
    if not documents:
        return response, ["it holds no JSON"]
    check = SchemaCheck(way.schema, "response_schema")
    document = check.likeliest(documents)
    problems = check.problems(document)
    return (response if problems else _answered(response, document)), problems


def _answered(response: ModelResponse, document: JsonValue) -> ModelResponse:
    """The answer that says the document and nothing else. Thoughts that led to a call go back to no model, now that it is gone."""
    if not response.tool_calls:
        others = (part for part in response.parts if not isinstance(part, TextPart))
        return replace(response, parts=(*others, TextPart(text=json.dumps(document, ensure_ascii=False))))
    thoughts = (ReasoningPart(text=part.text) for part in response.parts if isinstance(part, ReasoningPart) and part.text)
    ended = FinishReason.STOP if response.finish_reason is FinishReason.TOOL_CALLS else response.finish_reason
    return replace(response, parts=(*thoughts, TextPart(text=canonical_json(document))), finish_reason=ended)
