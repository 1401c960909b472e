"""How servers of OpenAI's responses speak."""

import json
from collections.abc import Iterator
from typing import Any

from polaris_llm.core.parts import ToolCallPart

from .dialect_chat import OPENAI_CHAT, kept
from .openai_server import sse
from .wires import Said, ServerDialect, Wire, pieces


def _usage(said: Said) -> Wire:
    spent = said.usage
    return {
        "input_tokens": spent.input_tokens,
        "input_tokens_details": {"cached_tokens": spent.cache_read_tokens, "cache_write_tokens": spent.cache_write_tokens},
        "output_tokens": spent.output_tokens,
        "output_tokens_details": {"reasoning_tokens": spent.reasoning_tokens},
        "total_tokens": spent.total_tokens,
    }


def _spoken(call: ToolCallPart) -> Wire:
    return {"call_id": call.call_id, "name": call.name, "arguments": json.dumps(call.arguments)}


def _items(said: Said) -> list[Wire]:
    content = [{"type": "output_text", "text": said.text, "annotations": []}]
    message: Wire = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}
    calls: list[Wire] = [{"id": f"fc_{call.call_id}", "type": "function_call", **_spoken(call)} for call in said.calls]
    thoughts: Wire = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": said.thoughts}]}
    return [*([thoughts] if said.thoughts else []), *([message] if said.text else []), *calls]


def _whole(said: Said) -> Wire:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1790000000.0,
        "status": "completed",
        "model": "served-model",
        "output": _items(said),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": _usage(said),
    }


def _event(kind: str, **fields: Any) -> bytes:
    data = json.dumps({"type": kind, "sequence_number": 0, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


def _events(said: Said) -> Iterator[bytes]:
    whole = _whole(said)
    yield _event("response.created", response={**whole, "output": [], "status": "in_progress", "usage": None})
    for index, item in enumerate(whole["output"]):
        place = {"item_id": item["id"], "output_index": index}
        if item["type"] == "message":
            yield _event("response.output_item.added", output_index=index, item={**item, "content": [], "status": "in_progress"})
            for written in pieces(said.text):
                yield _event("response.output_text.delta", delta=written, content_index=0, logprobs=[], **place)
            yield _event("response.output_text.done", text=said.text, content_index=0, logprobs=[], **place)
        elif item["type"] == "reasoning":
            yield _event("response.output_item.added", output_index=index, item={**item, "summary": []})
            for written in pieces(said.thoughts):
                yield _event("response.reasoning_summary_text.delta", delta=written, summary_index=0, **place)
            yield _event("response.reasoning_summary_text.done", text=said.thoughts, summary_index=0, **place)
        else:
            yield _event("response.output_item.added", output_index=index, item={**item, "arguments": "", "status": "in_progress"})
            for written in pieces(item["arguments"]):
                yield _event("response.function_call_arguments.delta", delta=written, **place)
            yield _event("response.function_call_arguments.done", arguments=item["arguments"], **place)
        yield _event("response.output_item.done", output_index=index, item=item)
    yield _event("response.completed", response=whole)


OPENAI_RESPONSES = ServerDialect(
    path="/v1/responses",
    key_header="authorization",
    whole=_whole,
    events=_events,
    slow_down=OPENAI_CHAT.slow_down,
    no_funds=OPENAI_CHAT.no_funds,
    too_long=OPENAI_CHAT.too_long,
    forbidden=OPENAI_CHAT.forbidden,
    in_stream=sse({"type": "error", "code": "server_error", "message": "The server is overloaded", "param": None, "sequence_number": 9}),
    kept=kept,
)
