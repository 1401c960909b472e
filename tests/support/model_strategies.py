"""Hypothesis strategies for the values that go to and come from models."""

from typing import Any

from hypothesis import strategies as st

from polaris_llm.core.inference import CachePolicy, FinishReason, ModelRequest, ModelResponse, PromptCache
from polaris_llm.core.parts import ImagePart, ModelMessage, Part, ReasoningPart, Role, TextPart, ToolCallPart, ToolResultPart
from polaris_llm.core.tool_schema import ToolSchema
from polaris_llm.core.usage import Usage

TEXTS = st.text(max_size=12)
NAMES = st.text("abcdefgh_", min_size=1, max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
JSON_VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=2), max_size=2)
JSON_OBJECTS = st.dictionaries(NAMES, JSON_VALUES, max_size=2)
PROVIDER_DATA = st.none() | st.dictionaries(st.sampled_from(["anthropic", "google"]), JSON_VALUES, min_size=1, max_size=1)

TEXT_PARTS = st.builds(TextPart, text=TEXTS, provider_data=PROVIDER_DATA)
REASONING_PARTS = st.builds(ReasoningPart, text=TEXTS, signature=st.none() | TEXTS, provider_data=PROVIDER_DATA)
TOOL_CALL_PARTS = st.builds(
    ToolCallPart, call_id=NAMES, name=NAMES, arguments=JSON_OBJECTS, malformed=st.none() | TEXTS, provider_data=PROVIDER_DATA
)
TOOL_RESULT_PARTS = st.builds(ToolResultPart, call_id=NAMES, name=NAMES, content=JSON_VALUES, is_error=st.booleans())
IMAGE_PARTS = st.builds(ImagePart, media_type=st.just("image/png"), data=NAMES) | st.builds(
    ImagePart, media_type=st.just("image/png"), url=NAMES.map("https://example.org/{}".format)
)


def _message(role: Role, parts: st.SearchStrategy[Part]) -> st.SearchStrategy[ModelMessage]:
    return st.builds(ModelMessage, role=st.just(role), parts=st.lists(parts, max_size=3).map(tuple))


MESSAGES = (
    _message("system", TEXT_PARTS)
    | _message("user", TEXT_PARTS | IMAGE_PARTS)
    | _message("assistant", TEXT_PARTS | REASONING_PARTS | TOOL_CALL_PARTS)
    | _message("tool", TOOL_RESULT_PARTS | IMAGE_PARTS)
)
TOOLS = st.builds(
    ToolSchema,
    name=NAMES,
    description=TEXTS,
    parameters=JSON_OBJECTS,
    required=st.lists(NAMES, max_size=2),
    effect=st.sampled_from(["pure", "once"]),
    definitions=JSON_OBJECTS,
    closed=st.booleans(),
)
CACHE_POLICIES = st.builds(
    CachePolicy, mode=st.sampled_from(["use", "bypass", "refresh"]), ttl_s=st.none() | st.floats(min_value=0, max_value=1e6)
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "model": NAMES,
    "messages": st.lists(MESSAGES, max_size=3).map(tuple),
    "tools": st.lists(TOOLS, max_size=2).map(tuple),
    "tool_choice": st.sampled_from(["auto", "none", "required", "weather"]),
    "parallel_tool_calls": st.none() | st.booleans(),
    "max_tokens": st.integers(min_value=1, max_value=10_000),
    "temperature": st.floats(min_value=0, max_value=2),
    "top_p": st.none() | st.floats(min_value=0, max_value=1),
    "stop": st.lists(TEXTS, max_size=2).map(tuple),
    "seed": st.none() | st.integers(),
    "reasoning_effort": st.none() | st.sampled_from(["low", "high"]),
    "service_tier": st.none() | st.sampled_from(["auto", "flex"]),
    "prompt_cache": st.none()
    | st.builds(PromptCache, key=st.none() | NAMES, after=st.sampled_from([(), ("tools", "system")]), ttl=st.sampled_from([None, "1h"])),
    "response_schema": st.none() | JSON_OBJECTS,
    "extras": st.dictionaries(st.sampled_from(["acme", "other"]), JSON_OBJECTS),
    "restarts_stream": st.booleans(),
    "cache": CACHE_POLICIES,
    "metadata": JSON_OBJECTS,
    "request_id": NAMES,
}
REQUESTS = st.builds(ModelRequest, **FIELDS)
USAGES = st.builds(
    Usage,
    input_tokens=st.integers(0, 1000),
    output_tokens=st.integers(0, 1000),
    cache_read_tokens=st.integers(0, 10),
    reasoning_tokens=st.integers(0, 10),
    raw=JSON_OBJECTS,
)
RESPONSE_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "model": NAMES,
    "parts": st.lists(TEXT_PARTS | REASONING_PARTS | TOOL_CALL_PARTS, max_size=3).map(tuple),
    "usage": USAGES,
    "finish_reason": st.sampled_from(FinishReason),
    "raw_finish_reason": st.none() | NAMES,
    "provider": NAMES,
    "cached": st.booleans(),
    "attempts": st.integers(0, 5),
    "latency_s": st.floats(min_value=0, max_value=100),
    "metadata": st.dictionaries(st.sampled_from(["mock", "raw_response", "note"]), JSON_VALUES, max_size=2),
}
RESPONSES = st.builds(ModelResponse, **RESPONSE_FIELDS)
WHOLE_RESPONSES = st.builds(
    ModelResponse, **RESPONSE_FIELDS | {"finish_reason": st.sampled_from(["stop", "length"]).map(FinishReason), "cached": st.just(False)}
)
"""Answers that a cache may keep."""
