"""Answers that satisfy a JSON schema, from models whose server does not see to it: by the prompt, with one chance to mend the answer."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from pydantic import JsonValue

from .call_context import CallContext
from .exceptions import LLMResponseParsingError
from .inference import FinishReason, ModelRequest, ModelResponse
from .json_text import json_documents
from .parts import Part, TextPart, text_message
from .schema_check import SchemaCheck

Ask = Callable[[ModelRequest, CallContext], Awaitable[ModelResponse]]

_INSTRUCTION = "Answer with one JSON value that satisfies this JSON schema, and with nothing else: "
_INSTRUCTION_BESIDE_TOOLS = (
    "Call tools as you need them. Your final answer is one JSON value that satisfies this JSON schema, and nothing else: "
)
_REPAIR = "That answer cannot be used: {problems}. Answer again, with the JSON value alone."
_SPOKEN = frozenset({FinishReason.STOP, FinishReason.LENGTH})
"""Ends after which there should be an answer."""


async def answer_by_schema(
    ask: Ask,
    request: ModelRequest,
    schema: dict[str, Any],  # a JSON schema
    call: CallContext,
    clock: Callable[[], float] = time.monotonic,
) -> ModelResponse:
    """An answer whose text is JSON that satisfies the schema, or one that calls tools; raises LLMResponseParsingError after two answers."""
    instruction = (_INSTRUCTION_BESIDE_TOOLS if request.tools else _INSTRUCTION) + json.dumps(schema, ensure_ascii=False)
    asked = replace(request, response_schema=None, messages=(text_message("system", instruction), *request.messages))
    started = clock()
    first = await ask(asked, call)
    found, problems = _judged(first, schema)
    if not problems:
        return found
    complaint = text_message("user", _REPAIR.format(problems="; ".join(problems)))
    messages = (*asked.messages, first.as_message(), complaint)
    second = await ask(replace(asked, messages=messages), _again(call, clock() - started))
    found, problems = _judged(second, schema)
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


def _judged(response: ModelResponse, schema: dict[str, Any]) -> tuple[ModelResponse, list[str]]:
    """The answer with its text reduced to the JSON that fits, and what is wrong where nothing fits."""
    if response.tool_calls or response.finish_reason not in _SPOKEN:
        return response, []
    documents, check = tuple(json_documents(response.text)), SchemaCheck(schema, "response_schema")
    if not documents:
        return response, ["it holds no JSON"]
    document = check.likeliest(documents)
    problems = check.problems(document)
    return (response if problems else replace(response, parts=_only(response.parts, document))), problems


def _only(parts: tuple[Part, ...], document: JsonValue) -> tuple[Part, ...]:
    others = tuple(part for part in parts if not isinstance(part, TextPart))
    return (*others, TextPart(text=json.dumps(document, ensure_ascii=False)))
