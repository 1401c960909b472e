"""What a model's answer means for its run."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.canonical import MAX_DEPTH
from polaris_llm.core.inference import FinishReason, ModelResponse
from polaris_llm.core.parts import ReasoningPart, TextPart, ToolCallPart
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.tool_schema import ToolSchema
from polaris_llm.core.verdicts import (
    Answered,
    Refused,
    ToolsWanted,
    Unfinished,
    Unusable,
    Verdict,
    refusal,
    verdict_on,
    with_bounded_arguments,
    with_unique_ids,
)
from support.nesting import nested
from support.session_values import values

FREE = RunSpec(objective="answer")
ACTIONS = RunSpec(objective="answer", protocol="json")
PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
TYPED = RunSpec(objective="answer", result_schema=PERSON)
TYPED_ACTIONS = RunSpec(objective="answer", protocol="json", result_schema=PERSON)


def verdict(text: str, spec: RunSpec, finish_reason: FinishReason = FinishReason.STOP) -> Verdict:
    """What a text means for a run."""
    return verdict_on(ModelResponse(model="m", parts=(TextPart(text=text),), finish_reason=finish_reason), spec)


def complaint(text: str, spec: RunSpec, finish_reason: FinishReason = FinishReason.STOP) -> str:
    """Why a text cannot be used by a run."""
    found = verdict(text, spec, finish_reason)
    assert isinstance(found, Unusable), f"{found} is no Unusable"
    return found.error.message


@given(values(ModelResponse), st.sampled_from([FREE, ACTIONS, TYPED, TYPED_ACTIONS]))
def test_every_answer_has_a_verdict(response: ModelResponse, spec: RunSpec) -> None:
    assert isinstance(verdict_on(response, spec), ToolsWanted | Answered | Unusable | Refused | Unfinished)


@pytest.mark.parametrize("finish_reason", [FinishReason.TOOL_CALLS, FinishReason.STOP, FinishReason.LENGTH])
def test_native_tool_calls_are_wanted_whatever_else_is_said(finish_reason: FinishReason) -> None:
    call = ToolCallPart(call_id="a", name="look", arguments={})
    response = ModelResponse(model="m", parts=(TextPart(text="Let me look."), call), finish_reason=finish_reason)

    assert verdict_on(response, FREE) == verdict_on(response, TYPED_ACTIONS) == ToolsWanted(calls=(call,))


@pytest.mark.parametrize("text", ["Paris", '{"a": 1}', '{"unfinished":', "42", '{"action": "final_answer", "result": 1}'])
def test_any_text_is_the_answer_when_no_schema_is_set(text: str) -> None:
    assert verdict(text, FREE) == Answered(result=text)


@pytest.mark.parametrize("spec", [FREE, ACTIONS])
@pytest.mark.parametrize("text", ["", " \n\t"])
def test_an_empty_answer_is_unusable(text: str, spec: RunSpec) -> None:
    assert complaint(text, spec) == "the answer is empty"


def test_reasoning_without_an_answer_is_unusable() -> None:
    response = ModelResponse(model="m", parts=(ReasoningPart(text="I wonder"),))

    assert isinstance(verdict_on(response, FREE), Unusable)


@pytest.mark.parametrize("spec", [FREE, ACTIONS, TYPED, TYPED_ACTIONS])
def test_an_answer_that_met_the_token_limit_is_unusable_but_kept(spec: RunSpec) -> None:
    found = verdict("The answer to life is", spec, FinishReason.LENGTH)

    assert isinstance(found, Unusable)
    assert "raise max_output_tokens" in found.error.message
    assert found.result == "The answer to life is"


@pytest.mark.parametrize(
    "finish_reason",
    [FinishReason.CONTENT_FILTER, FinishReason.REFUSAL, FinishReason.CONTEXT_WINDOW, FinishReason.CANCELLED],
)
def test_a_refusal_is_an_error_with_the_providers_own_reason(finish_reason: FinishReason) -> None:
    response = ModelResponse(model="m", parts=(TextPart(text="I ca"),), finish_reason=finish_reason, raw_finish_reason="SAFETY")

    found = verdict_on(response, FREE)

    assert isinstance(found, Refused)
    assert (found.error.type, found.result) == ("LLMAPIError", "I ca")
    assert "SAFETY" in found.error.message


@pytest.mark.parametrize("spec", [FREE, ACTIONS, TYPED, TYPED_ACTIONS])
@pytest.mark.parametrize("parts", [(), (TextPart(text='{"name": "Ada"}'),)])
def test_an_answer_that_broke_off_with_an_error_may_be_given_again(parts: tuple[TextPart, ...], spec: RunSpec) -> None:
    response = ModelResponse(model="m", parts=parts, finish_reason=FinishReason.ERROR, raw_finish_reason="MALFORMED_FUNCTION_CALL")

    found = verdict_on(response, spec)

    assert isinstance(found, Unusable)
    assert found.error.message == "the answer broke off with an error: MALFORMED_FUNCTION_CALL"
    assert found.result == (response.text or None)


def test_a_document_that_satisfies_the_schema_is_the_answer_wherever_it_stands() -> None:
    text = 'Having seen {"servers": 3}, I name:\n```json\n{"name": "Ada"}\n```\nbye'

    assert verdict(text, TYPED) == verdict(text, TYPED_ACTIONS) == Answered(result={"name": "Ada"})


@pytest.mark.parametrize(("schema", "text", "value"), [({"type": "integer"}, "42", 42), ({"type": "array"}, "[1]", [1])])
def test_a_schema_may_ask_for_what_is_no_object(schema: dict[str, Any], text: str, value: Any) -> None:
    assert verdict(text, RunSpec(objective="count", result_schema=schema)) == Answered(result=value)


def test_a_document_that_breaks_the_schema_is_told_where() -> None:
    found = verdict('{"name": 7}', TYPED)

    assert isinstance(found, Unusable)
    assert "$.name: 7 is not of type 'string'" in found.error.message
    assert found.error.context["validation_errors"] == ["$.name: 7 is not of type 'string'"]


@pytest.mark.parametrize("spec", [TYPED, TYPED_ACTIONS])
def test_prose_does_not_satisfy_a_schema(spec: RunSpec) -> None:
    assert complaint("Ada, I think", spec) == "the answer holds no JSON"


@pytest.mark.parametrize("spec", [TYPED, TYPED_ACTIONS])
def test_the_inside_of_a_cut_off_document_is_not_the_answer(spec: RunSpec) -> None:
    assert "cut off" in complaint('{"boss": {"name": "Ada"}, "name": "Bo', spec)


def test_an_unusable_answer_is_kept_with_its_error() -> None:
    found = verdict("Ada, I think", TYPED)

    assert isinstance(found, Unusable)
    assert found.result == found.error.context["response_content"] == "Ada, I think"
    assert found.error.type == "LLMResponseParsingError"


def test_of_many_documents_the_one_that_satisfies_the_schema_is_the_answer() -> None:
    assert verdict("{} " * 1000 + '{"name": "Ada"} {"name": "Bob"}', TYPED) == Answered(result={"name": "Ada"})


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 5000])
def test_a_call_whose_arguments_are_nested_too_deep_to_be_kept_is_malformed(depth: int) -> None:
    call = ToolCallPart(call_id="a", name="look", arguments=nested(depth))
    response = ModelResponse(model="m", parts=(TextPart(text="Let me look."), call))

    bounded = with_bounded_arguments(response)

    if depth <= MAX_DEPTH:
        assert bounded == response
        return
    malformed = ToolCallPart(call_id="a", name="look", arguments={}, malformed="nested deeper than 200 levels")
    assert bounded.parts == (TextPart(text="Let me look."), malformed)
    told = refusal(malformed, ToolSchema("look", "", {}), ["look"])
    assert told == "the arguments are not a JSON object of at most 200 levels: nested deeper than 200 levels"


CALLS = st.lists(st.sampled_from(["a", "a.2", "a.3", "b", ""]), max_size=6).map(
    lambda ids: tuple(ToolCallPart(call_id=call_id, name="look", arguments={}) for call_id in ids)
)


@given(calls=CALLS, used=st.frozensets(st.sampled_from(["a", "a.2", "b", "b.2", "c"])))
def test_ids_become_unique_and_calls_stay_the_same(calls: tuple[ToolCallPart, ...], used: frozenset[str]) -> None:
    renamed = with_unique_ids(calls, used)
    ids = [call.call_id for call in renamed]

    assert len(set(ids)) == len(ids)
    assert used.isdisjoint(ids)
    assert [(call.name, call.arguments) for call in renamed] == [(call.name, call.arguments) for call in calls]
    assert all(new.call_id.startswith(old.call_id) for new, old in zip(renamed, calls, strict=True))


def test_an_id_that_is_unique_is_kept() -> None:
    call = ToolCallPart(call_id="a", name="look", arguments={})

    assert with_unique_ids((call,), frozenset({"b"})) == (call,)


@pytest.mark.parametrize(
    ("call", "schema", "reason"),
    [
        (ToolCallPart(call_id="a", name="rob", arguments={}), None, "unknown tool 'rob'; available: look, stop"),
        (
            ToolCallPart(call_id="a", name="look", arguments={}, malformed="{oops"),
            ToolSchema("look", "", {}),
            "the arguments are not a JSON object of at most 200 levels: {oops",
        ),
        (ToolCallPart(call_id="a", name="look", arguments={}), ToolSchema("look", "", {}), None),
    ],
    ids=["unknown", "malformed", "fine"],
)
def test_a_call_is_refused_with_its_reason(call: ToolCallPart, schema: ToolSchema | None, reason: str | None) -> None:
    assert refusal(call, schema, ["look", "stop"]) == reason
