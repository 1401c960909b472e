"""Gemini's answers as the official SDK's types write them: nothing is lost, whole or as a stream, however it is cut."""

import json
from contextlib import suppress
from typing import Any

from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.canonical import canonical_json
from polaris_llm.core.exceptions import LLMIntegrationError
from polaris_llm.core.inference import MODEL_RESPONSE
from polaris_llm.core.stream_folding import fold
from support.cuts import cut
from support.google_answers import ANSWERS, CODEC, decoded, events_of, payloads_of, wire_json
from support.model_requests import a_request
from support.model_strategies import JSON_VALUES
from support.openai_server import sse


def joined(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts of an answer, with the texts joined that nothing parts, and nothing where nothing is said."""
    result: list[dict[str, Any]] = []
    for part in parts:
        last = result[-1] if result else {}
        if part.keys() <= {"text", "thought"} and not part["text"]:
            continue
        if last.keys() <= {"text", "thought"} and "text" in last and "text" in part and last.get("thought") == part.get("thought"):
            result[-1] = {**part, "text": last["text"] + part["text"]}
        else:
            result.append(part)
    return result


@given(ANSWERS)
def test_an_answer_goes_back_as_it_came(answer: types.GenerateContentResponse) -> None:
    whole = wire_json(answer)
    came = joined(whole["candidates"][0]["content"].get("parts", []))

    sent = json.loads(CODEC.encode(a_request(messages=(*a_request().messages, decoded(whole).as_message()))).body)["contents"][1:]

    expected = [types.Content.model_validate({"role": "model", "parts": came})] if came else []
    assert [_with_arguments(types.Content.model_validate(content)) for content in sent] == list(map(_with_arguments, expected))


def _with_arguments(content: types.Content) -> types.Content:
    """A call without arguments is sent with none."""
    for part in content.parts or []:
        if part.function_call:
            part.function_call.args = part.function_call.args or {}
    return content


@given(ANSWERS)
def test_all_that_an_answer_tells_is_kept(answer: types.GenerateContentResponse) -> None:
    response = decoded(wire_json(answer))

    [candidate] = answer.candidates or []
    usage = answer.usage_metadata or types.GenerateContentResponseUsageMetadata()
    facts: Any = response.metadata.get("google", {})
    assert response.raw_finish_reason == candidate.finish_reason
    assert (response.response_id, response.model) == (answer.response_id, answer.model_version or "a-model")
    assert (facts.get("finishMessage"), facts.get("avgLogprobs")) == (candidate.finish_message, candidate.avg_logprobs)
    assert response.usage.input_tokens == (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
    assert response.usage.output_tokens == (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    assert types.GenerateContentResponseUsageMetadata.model_validate(response.usage.raw) == usage
    assert len({call.call_id for call in response.tool_calls}) == len(response.tool_calls)


@given(st.data(), ANSWERS)
def test_folded_events_equal_the_whole_answer(data: st.DataObject, answer: types.GenerateContentResponse) -> None:
    whole = wire_json(answer)
    line_end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))

    stream = sse(*map(json.dumps, payloads_of(data, whole)), line_end=line_end)

    assert fold(events_of(*cut(data, stream))) == decoded(whole)


@given(st.data(), ANSWERS)
def test_a_list_of_payloads_is_the_answer_of_a_stream(data: st.DataObject, answer: types.GenerateContentResponse) -> None:
    payloads = payloads_of(data, wire_json(answer))

    assert decoded(payloads) == fold(events_of(sse(*payloads)))


ODD_PARTS = st.dictionaries(st.sampled_from(["text", "thought", "functionCall", "inlineData", "thoughtSignature"]), JSON_VALUES)
ODD_CANDIDATES = st.fixed_dictionaries(
    {},
    optional={
        "content": JSON_VALUES | st.fixed_dictionaries({"parts": JSON_VALUES | st.lists(JSON_VALUES | ODD_PARTS, max_size=3)}),
        "finishReason": JSON_VALUES,
        "index": JSON_VALUES,
    },
)
ODD_PAYLOADS = JSON_VALUES | st.fixed_dictionaries(
    {},
    optional={
        "candidates": JSON_VALUES | st.lists(JSON_VALUES | ODD_CANDIDATES, max_size=2),
        "usageMetadata": JSON_VALUES | st.dictionaries(st.sampled_from(["promptTokenCount", "candidatesTokenCount"]), JSON_VALUES),
        "promptFeedback": JSON_VALUES | st.dictionaries(st.just("blockReason"), JSON_VALUES),
        "modelVersion": JSON_VALUES,
        "responseId": JSON_VALUES,
        "error": JSON_VALUES,
    },
)


@given(ODD_PAYLOADS | st.lists(ODD_PAYLOADS, max_size=2))
def test_whatever_a_server_says_is_an_answer_or_a_typed_error(payload: object) -> None:
    with suppress(LLMIntegrationError):
        response = decoded(payload)
        canonical_json(MODEL_RESPONSE.dump_python(response, mode="json"))
        assert MODEL_RESPONSE.validate_json(MODEL_RESPONSE.dump_json(response)) == response


@given(st.binary(max_size=60) | st.lists(st.sampled_from([sse({"candidates": [{}]}), b"data: {", b"\n\n", b'{"error":1}'])).map(b"".join))
def test_whatever_comes_as_a_stream_is_an_answer_or_an_error_of_ours(stream: bytes) -> None:
    with suppress(LLMIntegrationError):
        assert fold(events_of(stream)).provider == "google"
