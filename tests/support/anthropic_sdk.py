"""Hypothesis strategies made of the official SDK's own models: answers, the streams they come as, and requests that follow them."""

import json
from typing import Any

from anthropic.types import (
    CacheCreation,
    CitationCharLocation,
    ContentBlock,
    Message,
    OutputTokensDetails,
    RedactedThinkingBlock,
    RefusalStopDetails,
    ServerToolUsage,
    ServerToolUseBlock,
    TextBlock,
    ThinkingBlock,
    ToolUseBlock,
    Usage,
    WebSearchResultBlock,
    WebSearchToolResultBlock,
)
from anthropic.types.direct_caller import DirectCaller
from hypothesis import strategies as st

from polaris_llm.core.inference import ModelRequest, PromptCache
from polaris_llm.core.parts import ModelMessage

from .anthropic_messages import Wire, response_of
from .cuts import cut
from .model_strategies import FIELDS, IMAGE_PARTS, JSON_OBJECTS, NAMES, TEXT_PARTS, TEXTS, TOOL_RESULT_PARTS, TOOLS
from .sdk_strategies import wires_of

COUNTS = st.integers(0, 999)
CITATIONS = st.builds(
    CitationCharLocation,
    cited_text=TEXTS,
    document_index=COUNTS,
    document_title=TEXTS,
    start_char_index=COUNTS,
    end_char_index=COUNTS,
    type=st.just("char_location"),
)
SEARCH_RESULTS = st.builds(WebSearchResultBlock, encrypted_content=TEXTS, title=TEXTS, type=st.just("web_search_result"), url=TEXTS)
BLOCKS = (
    st.builds(TextBlock, text=TEXTS, citations=st.none() | st.lists(CITATIONS, max_size=2), type=st.just("text"))
    | st.builds(ThinkingBlock, thinking=TEXTS, signature=TEXTS, type=st.just("thinking"))
    | st.builds(RedactedThinkingBlock, data=TEXTS, type=st.just("redacted_thinking"))
    | st.builds(
        ToolUseBlock,
        id=st.sampled_from(["toolu_1", "toolu_2"]),
        name=NAMES,
        input=JSON_OBJECTS,
        caller=st.none() | st.just(DirectCaller(type="direct")),
        type=st.just("tool_use"),
    )
    | st.builds(ServerToolUseBlock, id=NAMES, name=st.just("web_search"), input=JSON_OBJECTS, type=st.just("server_tool_use"))
    | st.builds(
        WebSearchToolResultBlock,
        content=st.lists(SEARCH_RESULTS, max_size=2),
        tool_use_id=NAMES,
        type=st.just("web_search_tool_result"),
    )
)
USAGES = st.builds(
    Usage,
    input_tokens=COUNTS,
    output_tokens=COUNTS,
    cache_creation_input_tokens=st.none() | COUNTS,
    cache_read_input_tokens=st.none() | COUNTS,
    cache_creation=st.none() | st.builds(CacheCreation, ephemeral_1h_input_tokens=COUNTS, ephemeral_5m_input_tokens=COUNTS),
    output_tokens_details=st.none() | st.builds(OutputTokensDetails, thinking_tokens=COUNTS),
    server_tool_use=st.none() | st.builds(ServerToolUsage, web_fetch_requests=COUNTS, web_search_requests=COUNTS),
    service_tier=st.none() | st.just("standard"),
)
ENDINGS = st.sampled_from(
    ["end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"],
)
ANSWERS = st.builds(
    Message,
    id=NAMES,
    type=st.just("message"),
    role=st.just("assistant"),
    model=NAMES,
    content=st.lists(BLOCKS, max_size=4),
    stop_reason=ENDINGS,
    stop_sequence=st.none() | NAMES,
    stop_details=st.none() | st.just(RefusalStopDetails(type="refusal", category="bio")),
    usage=USAGES,
)
"""Whole answers."""


def wire(model: Any, *, exclude_none: bool = False) -> Wire:  # any model of the SDK
    """A model of the SDK as JSON."""
    dumped: Wire = model.model_dump(mode="json", exclude_none=exclude_none)
    return dumped


def streamed(data: st.DataObject, whole: Wire) -> list[Wire]:
    """The events that an answer comes as."""
    ends = {name: whole.get(name) for name in ("stop_reason", "stop_sequence", "stop_details")}
    usage = whole["usage"]
    late = {name: usage[name] for name in ("output_tokens", "output_tokens_details", "server_tool_use") if name in usage}
    early = {name: value for name, value in usage.items() if name not in late} | {"output_tokens": 1}
    start = {**whole, "content": [], "usage": early, **dict.fromkeys(ends)}
    events: list[Wire] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(whole["content"]):
        begun, deltas = _in_pieces(data, block)
        events.append({"type": "content_block_start", "index": index, "content_block": begun})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    return [*events, {"type": "message_delta", "delta": ends, "usage": late}, {"type": "message_stop"}]


def _in_pieces(data: st.DataObject, block: Wire) -> tuple[Wire, list[Wire]]:
    match block["type"]:
        case "text":
            deltas: list[Wire] = [{"type": "text_delta", "text": piece} for piece in cut(data, block["text"])]
            deltas += [{"type": "citations_delta", "citation": citation} for citation in block.get("citations") or ()]
            return {**block, "text": "", "citations": None}, deltas
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in cut(data, block["thinking"])]
            return {**block, "thinking": "", "signature": ""}, [*deltas, {"type": "signature_delta", "signature": block["signature"]}]
        case "tool_use" | "server_tool_use":
            written = json.dumps(block["input"], ensure_ascii=data.draw(st.booleans()))
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *cut(data, written))]
        case _:
            return block, []


ANY_BLOCKS: st.SearchStrategy[Wire] = wires_of(ContentBlock)
"""Whatever the SDK can read as a block, results of the server's own tools among it."""
WHOLES = st.builds(
    lambda whole, blocks: {**whole, "content": [*whole["content"], *blocks]},
    st.builds(wire, ANSWERS, exclude_none=st.booleans()),
    st.lists(ANY_BLOCKS, max_size=2),
)
"""Answers as JSON; the API says null for some of what there is not, and leaves out the rest."""


ASSISTANT_MESSAGES = ANSWERS.map(lambda answer: response_of(wire(answer, exclude_none=True)).as_message())
MODELS = st.sampled_from(["claude-haiku-4-5", "claude-opus-4-6", "claude-opus-5-5", "served-model"])


def _said(role: str, parts: st.SearchStrategy[Any]) -> st.SearchStrategy[ModelMessage]:
    return st.builds(ModelMessage, role=st.just(role), parts=st.lists(parts, max_size=3).map(tuple))


HISTORIES = st.lists(
    _said("system", TEXT_PARTS.map(lambda part: type(part)(text=part.text)))
    | _said("user", TEXT_PARTS.map(lambda part: type(part)(text=part.text)) | IMAGE_PARTS)
    | ASSISTANT_MESSAGES
    | _said("tool", TOOL_RESULT_PARTS | IMAGE_PARTS),
    max_size=5,
).map(tuple)
SCHEMAS: list[Wire] = [
    {"type": "integer", "minimum": 1},
    {"type": "object", "properties": {"a": {"enum": [1, None]}, "b": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"oneOf": [{"type": "null"}]}}},
]
REQUESTS = st.builds(
    ModelRequest,
    **FIELDS
    | {
        "model": MODELS,
        "messages": HISTORIES,
        "tools": st.lists(TOOLS, max_size=2).map(tuple),
        "max_tokens": st.integers(17_000, 21_000),
        "seed": st.none(),
        "response_schema": st.none() | st.sampled_from(SCHEMAS),
        "reasoning_effort": st.none() | st.sampled_from(["none", "low", "medium", "high"]),
        "service_tier": st.none() | st.sampled_from(["auto", "standard_only"]),
        "prompt_cache": st.none()
        | st.builds(
            PromptCache,
            after=st.sets(st.sampled_from(["tools", "system", "messages"])).map(tuple),
            ttl=st.none() | st.sampled_from(["5m", "1h"]),
        ),
        "extras": st.just({}),
    },
)
"""Requests with histories that the API itself wrote a part of."""
