"""OpenAI's own SDK as the judge of chat completions: its types take what is sent, and what its models say is understood."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming
from pydantic import ValidationError

from polaris_llm.core.exceptions import LLMIntegrationError
from polaris_llm.core.inference import FinishReason, ModelRequest
from polaris_llm.core.providers.exchange import HttpReply
from polaris_llm.core.providers.openai_chat import OpenAIChatCodec
from polaris_llm.core.stream_folding import fold
from support.chat_streams import CALL, CODEC, deltas_of, events_of
from support.cuts import cut
from support.model_strategies import FIELDS
from support.openai_server import sse
from support.sdk_strategies import said_by
from support.sdk_types import judge_of

OPENAI = OpenAIChatCodec(api_key="sk-very-secret-key")
WHOLE, STREAMED = judge_of(CompletionCreateParamsNonStreaming), judge_of(CompletionCreateParamsStreaming)
REQUESTS = st.builds(ModelRequest, **{**FIELDS, "reasoning_effort": st.sampled_from([None, "none", "minimal", "low", "high"])})


@given(REQUESTS)
def test_every_body_is_what_the_sdks_types_allow(request: ModelRequest) -> None:
    WHOLE.validate_python(json.loads(OPENAI.encode(request).body))
    STREAMED.validate_python(json.loads(OPENAI.encode_stream(request).body))


def test_the_judge_is_strict() -> None:
    body = json.loads(OPENAI.encode(ModelRequest(model="m", messages=())).body)

    for wrong in ({"top_k": 5}, {"temperature": "hot"}, {"messages": [{"role": "user", "text": "x"}]}):
        with pytest.raises(ValidationError):
            WHOLE.validate_python({**body, **wrong})


def reply(body: object) -> HttpReply:
    return HttpReply(status=200, headers={}, body=json.dumps(body).encode(), received_at=0.0)


@given(said_by(ChatCompletion, id="chatcmpl-1"))
def test_every_answer_that_the_sdk_can_hold_is_understood(said: dict[str, Any]) -> None:
    choices = said["choices"]
    if not choices:
        with pytest.raises(LLMIntegrationError, match="has no choices"):
            CODEC.decode(CALL, reply(said))
        return

    response = CODEC.decode(CALL, reply(said))

    message, usage = choices[0]["message"], said.get("usage") or {}
    called = message.get("tool_calls") or ([message["function_call"]] if message.get("function_call") else [])
    assert response.text == (message.get("content") or "") + (message.get("refusal") or "")
    assert len(response.tool_calls) == len(called)
    asked, written, total = (usage.get(f"{name}_tokens", 0) for name in ("prompt", "completion", "total"))
    assert (response.usage.input_tokens, response.usage.output_tokens) == (asked, max(written, total - asked))
    assert response.raw_finish_reason == choices[0]["finish_reason"]
    assert isinstance(response.finish_reason, FinishReason)


ANSWERS = said_by(ChatCompletion, id="chatcmpl-1").filter(lambda said: bool(said["choices"]))


@given(st.data(), ANSWERS)
def test_the_same_answer_as_the_sdks_chunks_is_the_same(data: st.DataObject, said: dict[str, Any]) -> None:
    choice = said["choices"][0]
    calls = [call for call in choice["message"].get("tool_calls") or () if call["type"] == "function"]  # chunks have no others
    message = {**choice["message"], "tool_calls": calls}
    message.pop("function_call", None)
    choice["message"], said["choices"] = message, [choice]
    common = {"id": said["id"], "created": 1, "model": said["model"], "object": "chat.completion.chunk"}
    common |= {"service_tier": said["service_tier"]} if "service_tier" in said else {}
    pieces = [{"delta": delta, "finish_reason": None} for delta in deltas_of(data, message)]
    pieces += [{"delta": {"annotations": message.get("annotations")}, "logprobs": choice.get("logprobs"), "finish_reason": None}]
    pieces += [{"delta": {}, "finish_reason": choice["finish_reason"]}]
    payloads = [common | {"choices": [{"index": 0, **piece}]} for piece in pieces]
    payloads += [common | {"choices": [], "usage": said["usage"]}] if said.get("usage") else []
    chunks = [json.dumps(ChatCompletionChunk.model_validate(payload).model_dump(exclude_unset=True)) for payload in payloads]

    streamed = fold(events_of(*cut(data, sse(*chunks, "[DONE]"))))

    assert streamed == CODEC.decode(CALL, reply(said))


@given(st.lists(said_by(ChatCompletionChunk), max_size=4))
def test_any_chunks_of_the_sdks_are_an_answer_or_an_error_of_ours(chunks: list[dict[str, Any]]) -> None:
    with suppress(LLMIntegrationError):
        assert fold(events_of(sse(*chunks, "[DONE]"))).provider == "local"


@given(ANSWERS)
def test_an_answer_goes_back_in_the_next_request_as_the_sdks_types_allow(said: dict[str, Any]) -> None:
    response = CODEC.decode(CALL, reply(said))

    body = json.loads(OPENAI.encode(ModelRequest(model="m", messages=(response.as_message(),))).body)

    WHOLE.validate_python(body)
    assert len(body["messages"][0].get("tool_calls", ())) == len(response.tool_calls)
