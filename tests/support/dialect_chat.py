"""How servers of OpenAI's chat completions speak."""

import json
from collections.abc import Iterator

from polaris_llm.core.inference import PromptCache

from .openai_server import DONE, Reply, as_json, completion, piece, sse
from .wires import Said, ServerDialect, Wire, pieces


def _calls(said: Said) -> list[Wire]:
    functions = [(call.call_id, {"name": call.name, "arguments": json.dumps(call.arguments)}) for call in said.calls]
    return [{"id": call_id, "type": "function", "function": function} for call_id, function in functions]


def _reason(said: Said) -> str:
    return "tool_calls" if said.calls else "stop"


def _usage(said: Said) -> Wire:
    spent = said.usage
    return {
        "prompt_tokens": spent.input_tokens,
        "completion_tokens": spent.output_tokens,
        "total_tokens": spent.total_tokens,
        "prompt_tokens_details": {"cached_tokens": spent.cache_read_tokens, "cache_write_tokens": spent.cache_write_tokens},
        "completion_tokens_details": {"reasoning_tokens": spent.reasoning_tokens},
    }


def _whole(said: Said) -> Wire:
    thoughts = {"reasoning_content": said.thoughts} if said.thoughts else {}
    calls = {"tool_calls": _calls(said)} if said.calls else {}
    message = {"role": "assistant", "content": said.text or None, **thoughts, **calls}
    return completion(choices=[{"index": 0, "message": message, "finish_reason": _reason(said)}], usage=_usage(said))


def _events(said: Said) -> Iterator[bytes]:
    yield sse(piece({"role": "assistant", "content": ""}))
    yield from (sse(piece({"reasoning_content": written})) for written in pieces(said.thoughts))
    yield from (sse(piece({"content": written})) for written in pieces(said.text))
    for index, call in enumerate(_calls(said)):
        arguments = call["function"]["arguments"]
        yield sse(piece({"tool_calls": [{**call, "index": index, "function": {**call["function"], "arguments": ""}}]}))
        yield from (sse(piece({"tool_calls": [{"index": index, "function": {"arguments": written}}]})) for written in pieces(arguments))
    yield sse(piece(finish_reason=_reason(said)))
    yield sse(piece(choices=[], usage=_usage(said)))
    yield DONE


def _refused(code: str, message: str) -> Reply:
    return as_json(400, {"error": {"message": message, "type": "invalid_request_error", "param": "messages", "code": code}})


def kept(body: Wire) -> PromptCache:
    """How a body asks for the beginning of its prompt to be kept, on either of OpenAI's wires: there is no hour, but a day."""
    return PromptCache(key=body.get("prompt_cache_key"), ttl="1h" if body.get("prompt_cache_retention") == "24h" else None)


OPENAI_CHAT = ServerDialect(
    path="/v1/chat/completions",
    key_header="authorization",
    whole=_whole,
    events=_events,
    slow_down=as_json(
        429,
        {"error": {"message": "Rate limit reached for a-model on requests per min", "type": "requests", "code": "rate_limit_exceeded"}},
        {"retry-after-ms": "7000", "x-ratelimit-remaining-requests": "0"},
    ),
    no_funds=as_json(429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}),
    too_long=_refused("context_length_exceeded", "This model's maximum context length is 128000 tokens."),
    forbidden=_refused("content_policy_violation", "Your request was rejected as a result of our safety system."),
    in_stream=sse({"error": {"message": "The server is overloaded", "type": "server_error", "code": "server_overloaded"}}),
    kept=kept,
)
