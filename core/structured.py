"""Answers that satisfy a JSON schema, from models whose server does not see to it: checked, and with one chance to mend them."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from pydantic import JsonValue

from .call_context import CallContext
from .canonical import canonical_json
from .exceptions import LLMIntegrationError, LLMResponseParsingError
from .inference import FinishReason, ModelRequest, ModelResponse
from .parts import ReasoningPart, TextPart
from .pricing import COST, total_usd
from .schema_check import SchemaCheck
from .schema_ways import Way
from .usage import USAGE

Ask = Callable[[ModelRequest, CallContext], Awaitable[ModelResponse]]

STRUCTURED_BY = "structured_by"
"""Where a response's metadata tells how its schema was asked for."""

_SPOKEN = frozenset({FinishReason.STOP, FinishReason.LENGTH, FinishReason.TOOL_CALLS})
"""Ends after which there should be an answer."""


async def answer_by_schema(
    ask: Ask, request: ModelRequest, way: Way, call: CallContext, clock: Callable[[], float] = time.monotonic
) -> ModelResponse:
    """An answer whose text is JSON that satisfies the schema, or one that calls tools; raises LLMResponseParsingError after two answers.

    What all answers took is told by the one that it gives, or by the context of the error that it raises (`Usage.of`).
    """
    asked = way.asked(request)
    started = clock()
    first = await ask(asked, call)
    found, problems = _judged(first, way)
    if not problems:
        return found
    messages = (*asked.messages, first.as_message(), way.complaint(first, "; ".join(problems)))
    try:
        second = await ask(replace(asked, messages=messages), _again(call, clock() - started))
    except LLMIntegrationError as error:
        error.context.update(_spent(first))
        raise
    found, problems = _judged(_with_cost_of(second, first), way)
    if problems:
        raise _useless(found, problems, request.model)
    return replace(found, metadata={**found.metadata, "repaired": True})


def _with_cost_of(second: ModelResponse, first: ModelResponse) -> ModelResponse:
    """The second answer, with what both took."""
    cost_usd = total_usd(total_usd(0.0, first), second)
    metadata = {name: value for name, value in second.metadata.items() if name != COST}
    return replace(
        second,
        usage=first.usage + second.usage,
        attempts=first.attempts + second.attempts,
        latency_s=first.latency_s + second.latency_s,
        metadata=metadata if cost_usd is None else {**metadata, COST: cost_usd},
    )


def _spent(response: ModelResponse) -> dict[str, JsonValue]:
    """What the context of an error tells of an answer that was paid for."""
    return {USAGE: response.usage.as_json()} | {name: value for name, value in response.metadata.items() if name == COST}


def _useless(answer: ModelResponse, problems: list[str], model: str) -> LLMResponseParsingError:
    said = answer.text or "".join(call.malformed or canonical_json(call.arguments) for call in answer.tool_calls)
    return LLMResponseParsingError(
        f"model {model!r} gave no answer that satisfies the schema, when told what was wrong neither: {'; '.join(problems)}",
        response_content=said,
        expected_format="JSON that satisfies the request's schema",
        validation_errors=problems,
        provider=answer.provider,
        model_name=model,
        context=_spent(answer),
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
