"""What a model's answer means for its run: tools to run, a final answer, or something that cannot be used."""

import re
from dataclasses import dataclass, replace

from pydantic import JsonValue

from .canonical import MAX_DEPTH, canonical_json, is_too_deep
from .exceptions import ErrorRecord, LLMAPIError, LLMResponseParsingError
from .inference import FinishReason, ModelResponse
from .json_text import json_documents, looks_cut_off
from .parts import ToolCallPart
from .runs import RunSpec
from .schema_check import SchemaCheck
from .tool_schema import ToolSchema


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsWanted:
    """The model wants tools to run."""

    calls: tuple[ToolCallPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The model gave its final answer."""

    result: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """The answer cannot be used; the model may try again, told of the error."""

    error: ErrorRecord
    result: JsonValue = None
    """As much of an answer as there was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The model, or its provider, will not answer; asking again is no use."""

    error: ErrorRecord
    result: JsonValue = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """The provider paused; shown what was said so far, the model goes on."""


Verdict = ToolsWanted | Answered | Unusable | Refused | Unfinished

_NO_ANSWER = frozenset({FinishReason.CONTENT_FILTER, FinishReason.REFUSAL, FinishReason.CONTEXT_WINDOW, FinishReason.CANCELLED})
_CUT_OFF = "the answer is cut off: raise max_output_tokens, or ask for a shorter one"
_ACTIONS = ("use_tool", "final_answer")
_ACTION = {"json": re.compile(r'"action"\s*:'), "either": re.compile(r'"action"\s*:\s*"(use_tool|final_answer)"')}
"""What shows that a text was meant as an action; a free text may hold actions of another kind."""


def verdict_on(response: ModelResponse, spec: RunSpec) -> Verdict:
    """What the answer means for a run with this specification."""
    if response.tool_calls:
        return ToolsWanted(calls=response.tool_calls)
    if response.finish_reason is FinishReason.PAUSE:
        return Unfinished()
    if response.finish_reason in _NO_ANSWER:
        error = LLMAPIError(f"the model gave no answer: {response.raw_finish_reason or response.finish_reason}", retryable=False)
        return Refused(error=ErrorRecord.of(error), result=response.text or None)
    if response.finish_reason is FinishReason.ERROR:  # such as a tool call that its own server could not read
        return _unusable(f"the answer broke off with an error: {response.raw_finish_reason or response.finish_reason}", response)
    if spec.protocol == "native":
        return _verdict_on_text(response, spec)
    return _verdict_on_action(response, spec)


def _verdict_on_action(response: ModelResponse, spec: RunSpec) -> Verdict:
    objects = (document for document in json_documents(response.text) if isinstance(document, dict) and "action" in document)
    action = next((found for found in objects if spec.protocol == "json" or found["action"] in _ACTIONS), {})
    match action:
        case {"action": "use_tool", "tool_name": str(name)}:
            arguments = action.get("parameters", {})
            if isinstance(arguments, dict):
                return ToolsWanted(calls=(ToolCallPart(call_id="call", name=name, arguments=arguments),))
            malformed = canonical_json(arguments)
            return ToolsWanted(calls=(ToolCallPart(call_id="call", name=name, arguments={}, malformed=malformed),))
        case {"action": "use_tool"}:
            return _unusable("the action use_tool has no tool_name", response)
        case {"action": "final_answer", "result": result}:
            return _checked(result, response, _check_of(spec))
        case {"action": "final_answer"}:
            return _unusable("the action final_answer has no result", response)
        case {"action": unknown}:
            return _unusable(f"unknown action {unknown!r}; known: use_tool, final_answer", response)
        case _:
            return _verdict_on_text(response, spec)


def _verdict_on_text(response: ModelResponse, spec: RunSpec) -> Verdict:
    if response.finish_reason is FinishReason.LENGTH:
        return _unusable(_CUT_OFF, response)
    if spec.result_schema is not None:
        return _verdict_on_documents(response, spec)
    if not response.text.strip():
        return _unusable("the answer is empty", response)
    if spec.protocol == "json" and looks_cut_off(response.text):
        return _unusable(_CUT_OFF, response)
    if spec.protocol != "native" and _ACTION[spec.protocol].search(response.text):
        return _unusable("the action is not valid JSON", response)
    return Answered(result=response.text)


def _verdict_on_documents(response: ModelResponse, spec: RunSpec) -> Verdict:
    check, documents = _check_of(spec), tuple(json_documents(response.text))
    if not documents:
        return _unusable(_CUT_OFF if looks_cut_off(response.text) else "the answer holds no JSON", response)
    return _checked(check.likeliest(documents) if check else documents[0], response, check)


def _check_of(spec: RunSpec) -> SchemaCheck | None:
    return SchemaCheck(spec.result_schema) if spec.result_schema is not None else None


def _checked(result: JsonValue, response: ModelResponse, check: SchemaCheck | None) -> Verdict:
    problems = check.problems(result) if check else []
    if not problems:
        return Answered(result=result)
    return _unusable("the answer does not satisfy its schema: " + "; ".join(problems), response, problems)


def _unusable(message: str, response: ModelResponse, problems: list[str] | None = None) -> Unusable:
    error = LLMResponseParsingError(message, response_content=response.text, validation_errors=problems)
    return Unusable(error=ErrorRecord.of(error), result=response.text or None)


def with_unique_ids(calls: tuple[ToolCallPart, ...], used: frozenset[str]) -> tuple[ToolCallPart, ...]:
    """The calls, renamed where an id was used before: some providers repeat theirs."""
    taken, renamed = set(used), []
    for call in calls:
        call_id, number = call.call_id, 1
        while call_id in taken:
            number += 1
            call_id = f"{call.call_id}.{number}"
        taken.add(call_id)
        renamed.append(call if call_id == call.call_id else replace(call, call_id=call_id))
    return tuple(renamed)


def refusal(call: ToolCallPart, schema: ToolSchema | None, allowed: list[str]) -> str | None:
    """Why a call must not be run at all, or None."""
    if schema is None:
        return f"unknown tool {call.name!r}; available: {', '.join(allowed) or 'none'}"
    if call.malformed is not None:
        return f"the arguments are not a JSON object of at most {MAX_DEPTH} levels: {call.malformed[:200]}"
    return None


def with_bounded_arguments(response: ModelResponse) -> ModelResponse:
    """The answer as a log can keep it: calls whose arguments are nested too deep are malformed."""
    if not any(is_too_deep(call.arguments) for call in response.tool_calls):
        return response
    return replace(response, parts=tuple(_bounded(part) if isinstance(part, ToolCallPart) else part for part in response.parts))


def _bounded(call: ToolCallPart) -> ToolCallPart:
    return replace(call, arguments={}, malformed=f"nested deeper than {MAX_DEPTH} levels") if is_too_deep(call.arguments) else call
