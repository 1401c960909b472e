"""OpenAI's chat completions as a stream: the same answer as the whole one, however it is written and cut."""

import json
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.exceptions import LLMIntegrationError
from polaris_llm.core.providers.exchange import HttpReply
from polaris_llm.core.stream_folding import fold
from support.chat_streams import CALL, CODEC, deltas_of, events_of
from support.cuts import cut
from support.model_strategies import JSON_OBJECTS, NAMES
from support.openai_server import DONE, FINISH, completion, piece, sse, texts

TEXTS = st.none() | st.text(max_size=20)
ARGUMENTS = JSON_OBJECTS.map(json.dumps) | JSON_OBJECTS.map(lambda value: json.dumps(value, ensure_ascii=False)) | st.text(max_size=8)
TOOL_CALLS = st.builds(
    lambda call_id, name, arguments, extra: {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}} | extra,
    st.none() | st.sampled_from(["a", "b"]),
    NAMES,
    ARGUMENTS,
    st.just({}) | st.builds(lambda value: {"extra_content": value}, JSON_OBJECTS),
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": TEXTS},
    optional={"reasoning_content": TEXTS, "reasoning": TEXTS, "refusal": TEXTS, "tool_calls": st.lists(TOOL_CALLS, max_size=3)},
)
USAGES = st.none() | st.fixed_dictionaries(
    {"prompt_tokens": st.integers(0, 99), "completion_tokens": st.integers(0, 99)},
    optional={"completion_tokens_details": st.just({"reasoning_tokens": 2})},
)
FINISH_REASONS = st.sampled_from(["stop", "length", "tool_calls", "content_filter", "eos", "strange"])


@given(st.data(), MESSAGES, USAGES, FINISH_REASONS)
def test_folded_events_equal_the_whole_answer(data: st.DataObject, message: dict[str, Any], usage: Any, reason: str) -> None:
    choices = [{"index": 0, "message": message, "finish_reason": reason}]
    whole = CODEC.decode(
        CALL, HttpReply(status=200, headers={}, body=json.dumps(completion(choices=choices, usage=usage)).encode(), received_at=0.0)
    )
    payloads = [*map(piece, deltas_of(data, message)), piece(finish_reason=reason), *([piece(choices=[], usage=usage)] if usage else [])]
    line_end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    stream = sse(*map(json.dumps, payloads), "[DONE]", line_end=line_end)

    assert fold(events_of(*cut(data, stream))) == whole


@given(st.binary(max_size=60) | st.lists(st.sampled_from([texts("x"), FINISH, DONE, b"data: {", b"\n\n", b'"error":1}'])).map(b"".join))
def test_whatever_comes_is_an_answer_or_an_error_of_ours(stream: bytes) -> None:
    with suppress(LLMIntegrationError):
        assert fold(events_of(stream)).provider == "local"
