"""The mock model's script for the web farm: it reads what its tools answered and decides by that, with no model behind it.

Use it as the mock provider's script, "polaris_llm.core.scenarios.reasoner:reason". It speaks native tool calls and JSON actions.
"""

from collections.abc import Iterator
from typing import Any

from pydantic import JsonValue

from ..canonical import canonical_json, digest
from ..inference import FinishReason, ModelRequest, ModelResponse
from ..json_text import first_object
from ..parts import MODEL_MESSAGE, ModelMessage, Part, TextPart, ToolCallPart
from ..usage import Usage
from .deliberation import ToolCall, ToolReply, conclusion, plan

MODEL = "mock-reasoner"


def reason(request: ModelRequest) -> ModelResponse:
    """The next step of a deliberation: the tool calls that are still to be made, or the final decision."""
    replies = tuple(_replies(request.messages))
    calls = () if _must_answer(request) else plan(replies)[len(replies) :]
    native = bool(request.tools)
    if calls and native:
        return _response(request, _call_parts(request, calls))
    if calls and _speaks_actions(request):
        action = {"action": "use_tool", "tool_name": calls[0].name, "parameters": calls[0].arguments}
        return _response(request, (TextPart(text=canonical_json(action)),))
    result = conclusion(replies)
    answer = {"action": "final_answer", "result": result} if _speaks_actions(request) and not native else result
    return _response(request, (TextPart(text=canonical_json(answer)),))


def _replies(messages: tuple[ModelMessage, ...]) -> Iterator[ToolReply]:
    """The tool results of the present run, in order: a final answer ends a run and what it knew."""
    replies: list[ToolReply] = []
    for message in messages:
        if message.role == "assistant" and _is_final(message):
            replies = []
        for part in message.parts:
            replies += _replies_in(message, part)
    yield from replies


def _replies_in(message: ModelMessage, part: Part) -> list[ToolReply]:
    match part.kind:
        case "tool_result":
            return [ToolReply(name=part.name, content=None if part.is_error else part.content)]
        case "text" if message.role == "user":
            documents = (first_object(line) for line in part.text.splitlines())
            return [_as_reply(document["tool_result"]) for document in documents if document and "tool_result" in document]
        case _:
            return []


def _as_reply(result: JsonValue) -> ToolReply:
    known = result if isinstance(result, dict) else {}
    return ToolReply(name=str(known.get("tool_name")), content=known.get("result"))


def _is_final(message: ModelMessage) -> bool:
    action = first_object(message.text) or {}
    return not message.tool_calls and action.get("action") != "use_tool"


def _must_answer(request: ModelRequest) -> bool:
    """Whether the limits leave only an answer: the session then forbids tools, by choice or by schema."""
    actions_only = not request.tools and request.response_schema is not None
    return request.tool_choice == "none" or (actions_only and "use_tool" not in canonical_json(request.response_schema))


def _speaks_actions(request: ModelRequest) -> bool:
    return any(message.role == "system" and '"use_tool"' in message.text for message in request.messages)


def _call_parts(request: ModelRequest, calls: tuple[ToolCall, ...]) -> tuple[ToolCallPart, ...]:
    count = len(request.messages)
    return tuple(
        ToolCallPart(call_id=f"call-{count}-{index}", name=call.name, arguments=call.arguments) for index, call in enumerate(calls)
    )


def _response(request: ModelRequest, parts: tuple[Part, ...]) -> ModelResponse:
    prompt: list[dict[str, Any]] = [MODEL_MESSAGE.dump_python(message, mode="json") for message in request.messages]
    answer: dict[str, Any] = MODEL_MESSAGE.dump_python(ModelMessage(role="assistant", parts=parts), mode="json")
    calls_tools = any(part.kind == "tool_call" for part in parts)
    return ModelResponse(
        model=MODEL,
        parts=parts,
        usage=Usage(input_tokens=_tokens(prompt), output_tokens=_tokens(answer)),
        finish_reason=FinishReason.TOOL_CALLS if calls_tools else FinishReason.STOP,
        response_id=f"mock-{digest(prompt)[:16]}",
        metadata={"mock": True},
    )


def _tokens(value: object) -> int:
    """An estimate: four characters a token."""
    return max(1, len(canonical_json(value)) // 4)
