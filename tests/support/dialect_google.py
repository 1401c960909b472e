"""How servers of Gemini's generateContent speak."""

import json
from collections.abc import Iterator

from .openai_server import as_json, sse
from .wires import Said, ServerDialect, Wire, pieces


def _usage(said: Said) -> Wire:
    spent = said.usage
    return {
        "promptTokenCount": spent.input_tokens,
        "cachedContentTokenCount": spent.cache_read_tokens,
        "candidatesTokenCount": spent.output_tokens - spent.reasoning_tokens,
        "thoughtsTokenCount": spent.reasoning_tokens,
        "totalTokenCount": spent.total_tokens,
    }


def _payload(said: Said, parts: list[Wire], *, ended: bool) -> Wire:
    candidate: Wire = {"content": {"role": "model", "parts": parts}, "index": 0}
    frame: Wire = {"modelVersion": "served-model", "responseId": "response-1"}
    end = {"usageMetadata": _usage(said)} if ended else {}
    return {"candidates": [candidate | ({"finishReason": "STOP"} if ended else {})], **frame, **end}


def _calls(said: Said) -> list[Wire]:
    return [{"functionCall": {"name": call.name, "args": call.arguments}} for call in said.calls]


def _whole(said: Said) -> Wire:
    thoughts: list[Wire] = [{"text": said.thoughts, "thought": True}] if said.thoughts else []
    texts: list[Wire] = [{"text": said.text}] if said.text else []
    return _payload(said, [*thoughts, *texts, *_calls(said)], ended=True)


def _events(said: Said) -> Iterator[bytes]:
    thoughts: list[Wire] = [{"text": written, "thought": True} for written in pieces(said.thoughts)]
    parts = [*thoughts, *({"text": written} for written in pieces(said.text)), *_calls(said)]
    yield from (sse(_payload(said, [part], ended=False)) for part in parts[:-1])
    yield sse(_payload(said, parts[-1:], ended=True))


def _refused(limit: str) -> Wire:
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": limit, "quotaValue": "10"}]},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"},
    ]
    message = "You exceeded your current quota, please check your plan and billing details."
    return {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED", "details": details}}


_TOO_LONG = "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."

GOOGLE = ServerDialect(
    path="/v1beta/models/a-model:generateContent",
    key_header="x-goog-api-key",
    whole=_whole,
    events=_events,
    slow_down=as_json(429, _refused("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")),
    no_funds=as_json(429, _refused("GenerateRequestsPerDayPerProjectPerModel-FreeTier")),
    too_long=as_json(400, {"error": {"code": 400, "message": _TOO_LONG, "status": "INVALID_ARGUMENT"}}),
    forbidden=as_json(200, {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "served-model"}),
    in_stream=sse(json.dumps({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})),
    tells_cache_writes=False,
)
