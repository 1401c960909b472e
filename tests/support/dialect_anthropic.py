"""How servers of Anthropic's messages speak."""

import json
from collections.abc import Iterator
from typing import Any

from polaris_llm.core.inference import PromptCache

from .openai_server import as_json
from .wires import Said, ServerDialect, Wire, pieces


def _event(payload: Wire) -> bytes:
    return f"event: {payload['type']}\ndata: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()


def _usage(said: Said) -> Wire:
    spent = said.usage
    return {
        "input_tokens": spent.input_tokens - spent.cache_read_tokens - spent.cache_write_tokens,
        "cache_creation_input_tokens": spent.cache_write_tokens,
        "cache_read_input_tokens": spent.cache_read_tokens,
        "output_tokens": spent.output_tokens,
        "output_tokens_details": {"thinking_tokens": spent.reasoning_tokens},
    }


def _whole(said: Said) -> Wire:
    thoughts: list[Wire] = [{"type": "thinking", "thinking": said.thoughts, "signature": "signed"}] if said.thoughts else []
    texts: list[Wire] = [{"type": "text", "text": said.text}] if said.text else []
    calls = [{"type": "tool_use", "id": call.call_id, "name": call.name, "input": call.arguments} for call in said.calls]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "served-model",
        "content": [*thoughts, *texts, *calls],
        "stop_reason": "tool_use" if said.calls else "end_turn",
        "stop_sequence": None,
        "usage": _usage(said),
    }


def _in_pieces(block: Wire) -> tuple[Wire, list[Wire]]:
    """How a block begins, and the deltas that bring the rest of it."""
    match block["type"]:
        case "thinking":
            thought: list[Wire] = [{"type": "thinking_delta", "thinking": written} for written in pieces(block["thinking"])]
            return {**block, "thinking": "", "signature": ""}, [*thought, {"type": "signature_delta", "signature": block["signature"]}]
        case "text":
            return {**block, "text": ""}, [{"type": "text_delta", "text": written} for written in pieces(block["text"])]
        case _:
            arguments = pieces(json.dumps(block["input"]))
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": written} for written in arguments]


def _events(said: Said) -> Iterator[bytes]:
    whole = _whole(said)
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    yield _event({"type": "message_start", "message": begun})
    yield _event({"type": "ping"})
    for index, block in enumerate(whole["content"]):
        empty, deltas = _in_pieces(block)
        yield _event({"type": "content_block_start", "index": index, "content_block": empty})
        yield from (_event({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas)
        yield _event({"type": "content_block_stop", "index": index})
    yield _event({"type": "message_delta", "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None}, "usage": whole["usage"]})
    yield _event({"type": "message_stop"})


def _kept(body: Wire) -> PromptCache:
    """The places whose last block is marked, each of which must be the only one there."""
    blocks: dict[Any, list[Wire]] = {"tools": body.get("tools", []), "system": body.get("system", [])}
    blocks["messages"] = [block for turn in body["messages"] for block in turn["content"]]
    marks = {place: [block.get("cache_control") for block in listed] for place, listed in blocks.items()}
    after = tuple(place for place, listed in marks.items() if listed and listed[-1] and not any(listed[:-1]))
    ttls = {mark.get("ttl") for listed in (*marks.values(), [body.get("cache_control")]) for mark in listed if mark}
    return PromptCache(after=after, ttl=ttls.pop() if len(ttls) == 1 else None)


def _error(kind: str, message: str) -> Wire:
    return {"type": "error", "error": {"type": kind, "message": message}}


ANTHROPIC = ServerDialect(
    path="/v1/messages",
    key_header="x-api-key",
    whole=_whole,
    events=_events,
    slow_down=as_json(
        429,
        _error("rate_limit_error", "This request would exceed the limit of 50 requests per minute"),
        {"retry-after": "7", "anthropic-ratelimit-requests-remaining": "0"},
    ),
    no_funds=as_json(400, _error("invalid_request_error", "Your credit balance is too low to access the Anthropic API.")),
    too_long=as_json(400, _error("invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum")),
    forbidden=as_json(400, _error("invalid_request_error", "Output blocked by content filtering policy")),
    in_stream=_event(_error("overloaded_error", "Overloaded")),
    kept=_kept,
)
