"""Answers and the events they stream as: nothing is lost on the way there and back."""

import pytest
from hypothesis import given

from polaris_llm.core.deltas import STREAM_EVENT, ReasoningDelta, StreamFinished, TextDelta, ToolCallDelta, UsageReport
from polaris_llm.core.exceptions import LLMResponseParsingError
from polaris_llm.core.inference import FinishReason, ModelResponse
from polaris_llm.core.parts import ReasoningPart, TextPart, ToolCallPart
from polaris_llm.core.stream_folding import fold, unfold
from polaris_llm.core.usage import Usage
from support.model_requests import a_response
from support.model_strategies import RESPONSES

END = StreamFinished(finish_reason=FinishReason.STOP)


def honest(response: ModelResponse) -> bool:
    """Whether malformed arguments are such."""
    return all(call.malformed is None or (call.malformed != "" and not call.arguments) for call in response.tool_calls)


@given(RESPONSES.filter(honest))
def test_what_is_unfolded_folds_to_the_same(response: ModelResponse) -> None:
    assert fold(unfold(response)) == response


@given(RESPONSES)
def test_events_are_json_and_come_back(response: ModelResponse) -> None:
    for event in unfold(response):
        assert STREAM_EVENT.validate_json(STREAM_EVENT.dump_json(event)) == event


def test_text_comes_word_by_word() -> None:
    pieces = [event.text for event in unfold(a_response("Two words,\nthen  more.")) if isinstance(event, TextDelta)]

    assert pieces == ["Two ", "words,\n", "then  ", "more."]


def test_parts_may_take_turns_and_come_out_of_order() -> None:
    response = fold(
        [
            ToolCallDelta(index=2, call_id="a", name="look", arguments='{"at'),
            TextDelta(text="one ", index=1),
            ReasoningDelta(text="hm", index=0),
            ToolCallDelta(index=2, arguments='": 7}'),
            ReasoningDelta(text="…", signature="signed", index=0, provider_data={"p": 1}),
            TextDelta(text="two", index=1),
            END,
        ]
    )

    assert response.parts == (
        ReasoningPart(text="hm…", signature="signed", provider_data={"p": 1}),
        TextPart(text="one two"),
        ToolCallPart(call_id="a", name="look", arguments={"at": 7}),
    )


def test_arguments_that_are_no_object_are_kept_as_written() -> None:
    response = fold([ToolCallDelta(index=0, call_id="a", name="look", arguments='{"at'), END])

    assert response.tool_calls == (ToolCallPart(call_id="a", name="look", arguments={}, malformed='{"at'),)


def test_the_last_usage_counts() -> None:
    reports = [UsageReport(usage=Usage(output_tokens=tokens)) for tokens in (1, 2, 3)]

    assert fold([*reports, END]).usage.output_tokens == 3


def test_a_stream_without_its_end_is_no_answer() -> None:
    with pytest.raises(LLMResponseParsingError, match="no StreamFinished"):
        fold([TextDelta(text="half")])
