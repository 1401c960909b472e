"""How servers of Acme's speak, the provider of another package."""

import json
from collections.abc import Iterator

from .openai_server import as_json, sse
from .wires import Said, ServerDialect, Wire, pieces


def _calls(said: Said) -> list[Wire]:
    return [{"id": call.call_id, "name": call.name, "with": call.arguments} for call in said.calls]


def _end(said: Said) -> Wire:
    spent = said.usage
    counts = {"input_tokens": spent.input_tokens, "output_tokens": spent.output_tokens, "cache_read_tokens": spent.cache_read_tokens}
    return {"why": "calls" if said.calls else "end", "spent": {**counts, "reasoning_tokens": spent.reasoning_tokens}}


def _whole(said: Said) -> Wire:
    return {"think": said.thoughts, "say": said.text, "calls": _calls(said), **_end(said)}


def _events(said: Said) -> Iterator[bytes]:
    yield from (sse({"think": written}) for written in pieces(said.thoughts))
    yield from (sse({"say": written}) for written in pieces(said.text))
    yield from (sse({"calls": [call]}) for call in _calls(said))
    yield sse(_end(said))


ACME_WIRE = ServerDialect(
    path="/ask",
    key_header="acme-key",
    whole=_whole,
    events=_events,
    slow_down=as_json(429, {"error": {"type": "requests", "message": "one after another"}}, {"retry-after": "7"}),
    no_funds=as_json(402, {"error": {"message": "no money left"}}),
    too_long=as_json(400, {"error": {"code": "context_length_exceeded", "message": "too much"}}),
    forbidden=as_json(400, {"error": {"code": "content_filter", "message": "not that"}}),
    in_stream=sse(json.dumps({"error": {"code": "server_overloaded", "message": "too many ask"}})),
    tells_cache_writes=False,
)
