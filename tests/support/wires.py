"""How a server of each wire says the same things, for the tests that run over every wire. A new wire is one more value."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from polaris_llm.core.parts import ToolCallPart

from .openai_server import DONE, Reply, as_json, completion, piece, sse

Wire = dict[str, Any]  # JSON of a wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a model says in one answer, for 11 tokens of input and 3 of output."""

    text: str = ""
    calls: tuple[ToolCallPart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDialect:
    """One wire, from the server's side."""

    path: str
    """Where the wire is asked below a bare host, the model being "a-model"."""
    key_header: str
    whole: Callable[[Said], Wire]
    """An answer in one piece."""
    events: Callable[[Said], Iterator[bytes]]
    """The same answer as a stream, each text a piece of its own."""
    slow_down: Reply
    """A rate limit that was met, on requests, to be tried again after a time that is told somewhere, at most 10 s."""
    no_funds: Reply
    """A refusal that waiting does not mend."""
    in_stream: bytes
    """An event that says that the server is overloaded."""


def _chat_calls(said: Said) -> list[Wire]:
    functions = [(call.call_id, {"name": call.name, "arguments": json.dumps(call.arguments)}) for call in said.calls]
    return [{"id": call_id, "type": "function", "function": function} for call_id, function in functions]


def _chat_reason(said: Said) -> str:
    return "tool_calls" if said.calls else "stop"


def _chat_whole(said: Said) -> Wire:
    message = {"role": "assistant", "content": said.text or None, **({"tool_calls": _chat_calls(said)} if said.calls else {})}
    return completion(choices=[{"index": 0, "message": message, "finish_reason": _chat_reason(said)}])


def _chat_events(said: Said) -> Iterator[bytes]:
    yield sse(piece({"role": "assistant", "content": ""}))
    yield from (sse(piece({"content": character})) for character in said.text)
    for index, call in enumerate(_chat_calls(said)):
        arguments = call["function"]["arguments"]
        yield sse(piece({"tool_calls": [{**call, "index": index, "function": {**call["function"], "arguments": ""}}]}))
        yield from (sse(piece({"tool_calls": [{"index": index, "function": {"arguments": character}}]})) for character in arguments)
    yield sse(piece(finish_reason=_chat_reason(said)))
    yield sse(piece(choices=[], usage={"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}))
    yield DONE


OPENAI_CHAT = ServerDialect(
    path="/v1/chat/completions",
    key_header="authorization",
    whole=_chat_whole,
    events=_chat_events,
    slow_down=as_json(
        429,
        {"error": {"message": "Rate limit reached for a-model on requests per min", "type": "requests", "code": "rate_limit_exceeded"}},
        {"retry-after-ms": "7000", "x-ratelimit-remaining-requests": "0"},
    ),
    no_funds=as_json(429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}),
    in_stream=sse({"error": {"message": "The server is overloaded", "type": "server_error", "code": "server_overloaded"}}),
)

DIALECTS: dict[str, ServerDialect] = {"openai_chat": OPENAI_CHAT}
"""By the wire's name."""
