"""Requests of any shape, written by the OpenAI responses codec: OpenAI's own SDK would take them, and no part is lost."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming, ResponseCreateParamsStreaming
from pydantic import JsonValue

from polaris_llm.core.inference import ModelRequest
from polaris_llm.core.parts import ImagePart, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from support.model_strategies import FIELDS
from support.responses_streams import CODEC
from support.sdk_types import judge_of

WHOLE, STREAMED = judge_of(ResponseCreateParamsNonStreaming), judge_of(ResponseCreateParamsStreaming)
EXTRAS: dict[str, JsonValue] = {
    "previous_response_id": "resp_0",
    "store": False,
    "truncation": "auto",
    "include": ["message.output_text.logprobs"],
    "text": {"verbosity": "low"},
    "reasoning": {"summary": "auto"},
    "tools": [{"type": "web_search"}],
    "max_tool_calls": 3,
    "safety_identifier": "someone",
    "context_management": [{"type": "compaction", "compact_threshold": 1000}],
}
REQUESTS = st.builds(
    ModelRequest,
    **FIELDS
    | {"stop": st.just(()), "seed": st.none(), "extras": st.sampled_from([{}, {"openai_responses": EXTRAS, "openai_chat": {"n": 1}}])},
)


def payload_of(request: ModelRequest) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(CODEC.encode(request).body)
    return payload


@given(REQUESTS)
def test_every_request_is_one_that_the_sdk_would_take(request_: ModelRequest) -> None:
    body, streamed = payload_of(request_), json.loads(CODEC.encode_stream(request_).body)

    assert WHOLE.validate_python(body) == body
    assert STREAMED.validate_python(streamed) == {**body, "stream": True}


def told(part: Part) -> list[str]:
    """What must be found on the wire if a part was not lost; what it wrote as JSON stands there as JSON."""
    match part:
        case TextPart(text=text):
            said = [text]
        case ToolCallPart(malformed=str(malformed)):
            said = [part.call_id, part.name, json.dumps({"malformed": malformed}, ensure_ascii=False)]
        case ToolCallPart():
            said = [part.call_id, part.name, json.dumps(part.arguments, ensure_ascii=False)]
        case ToolResultPart(content=content, is_error=is_error):
            written = content if isinstance(content, str) and not is_error else json.dumps(content, ensure_ascii=False)
            said = [part.call_id, written]
        case ImagePart():
            said = [part.data or part.url or ""]
        case ReasoningPart():  # another provider's
            said = []
    return said


@given(REQUESTS)
def test_no_part_is_lost(request_: ModelRequest) -> None:
    payload = payload_of(request_)
    strings = "\n".join(leaves([payload.get("instructions"), payload["input"]]))

    for message in request_.messages:
        for part in message.parts:
            assert all(said in strings for said in told(part))


def leaves(value: Any) -> list[str]:
    """All strings in a JSON value."""
    match value:
        case dict():
            return [leaf for item in value.values() for leaf in leaves(item)]
        case list():
            return [leaf for item in value for leaf in leaves(item)]
        case str():
            return [value]
        case _:
            return []
