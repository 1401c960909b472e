"""Answers of Gemini in the official SDK's types, generated and cut into the payloads of a stream."""

import json
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from google.genai import types
from hypothesis import strategies as st

from polaris_llm.core.deltas import StreamEvent
from polaris_llm.core.inference import ModelResponse
from polaris_llm.core.providers.exchange import HttpReply
from polaris_llm.core.providers.google import GoogleCodec

from .cuts import cut
from .model_requests import a_request
from .model_strategies import JSON_OBJECTS, NAMES, TEXTS

DATA = Path(__file__).parents[1] / "data" / "google"
CODEC = GoogleCodec(api_key="AIza-very-secret-key")
CALL = CODEC.encode(a_request())
STREAM_CALL = CODEC.encode_stream(a_request())
HEAD = HttpReply(status=200, headers={"content-type": "text/event-stream"}, body=b"", received_at=0.0)

SIGNATURES = st.none() | st.binary(min_size=1, max_size=8)
WORDS = st.builds(types.Part, text=TEXTS, thought=st.sampled_from([None, True]), thought_signature=SIGNATURES)
CALLS = st.builds(
    types.Part,
    function_call=st.builds(types.FunctionCall, id=st.none() | NAMES, name=NAMES, args=st.none() | JSON_OBJECTS),
    thought_signature=SIGNATURES,
)
OTHERS = st.builds(
    types.Part, inline_data=st.just(types.Blob(data=b"ABC", mime_type="image/png")), thought_signature=SIGNATURES
) | st.builds(types.Part, executable_code=st.builds(types.ExecutableCode, code=TEXTS, language=st.just(types.Language.PYTHON)))
COUNTS = st.none() | st.integers(0, 99)
USAGES = st.builds(
    types.GenerateContentResponseUsageMetadata,
    prompt_token_count=COUNTS,
    cached_content_token_count=COUNTS,
    candidates_token_count=COUNTS,
    thoughts_token_count=COUNTS,
    tool_use_prompt_token_count=COUNTS,
    total_token_count=COUNTS,
)
REASONS = st.sampled_from(types.FinishReason)
ANSWERS = st.builds(
    types.GenerateContentResponse,
    candidates=st.builds(
        types.Candidate,
        content=st.builds(types.Content, role=st.just("model"), parts=st.none() | st.lists(WORDS | CALLS | OTHERS, max_size=4)),
        finish_reason=REASONS,
        finish_message=st.none() | TEXTS,
        index=st.sampled_from([None, 0]),
        avg_logprobs=st.none() | st.just(-0.5),
    ).map(lambda candidate: [candidate]),
    usage_metadata=st.none() | USAGES,
    model_version=st.none() | NAMES,
    response_id=NAMES,
)


def payload(name: str) -> dict[str, Any]:
    """The JSON of a file of Gemini's."""
    found: dict[str, Any] = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return found


def wire_json(response: types.GenerateContentResponse) -> dict[str, Any]:
    """A response as the API would write it."""
    payload: dict[str, Any] = json.loads(response.model_dump_json(by_alias=True, exclude_none=True))
    return payload


def decoded(payload: object, codec: GoogleCodec = CODEC) -> ModelResponse:
    """What the codec reads in a whole reply."""
    reply = HttpReply(status=200, headers={"content-type": "application/json"}, body=json.dumps(payload).encode(), received_at=0.0)
    return codec.decode(CALL, reply)


def events_of(*chunks: bytes) -> list[StreamEvent]:
    """All events of one stream that ends."""
    decoder = CODEC.stream_decoder(STREAM_CALL, HEAD)
    return [*(event for chunk in chunks for event in decoder.feed(chunk)), *decoder.end()]


def answer(*parts: dict[str, Any], finish_reason: str | None = "STOP", **changes: Any) -> dict[str, Any]:
    """A payload of some parts; a change of None leaves the field out."""
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish_reason, "index": 0}
    payload = {
        "candidates": [{name: value for name, value in candidate.items() if value is not None}],
        "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 3, "totalTokenCount": 14},
        "modelVersion": "gemini-served",
        "responseId": "response-1",
        **changes,
    }
    return {name: value for name, value in payload.items() if value is not None}


def _texts_of(data: st.DataObject, text: str) -> list[str]:
    """Pieces of a text, one at least."""
    ends = accumulate(map(len, cut(data, bytes(len(text)))))
    return [text[start:end] for start, end in pairwise([0, *ends])]


def pieces_of(data: st.DataObject, part: dict[str, Any]) -> list[dict[str, Any]]:
    """A part as a stream brings it: text in pieces, and with or after the last of them what else belongs to it."""
    if "text" not in part:
        return [part]
    kind: dict[str, Any] = {"thought": True} if part.get("thought") else {}
    rest = {name: value for name, value in part.items() if name not in ("text", "thought")}
    texts = _texts_of(data, part["text"])
    pieces = [{"text": text, **kind} for text in texts]
    comes_later = data.draw(st.booleans())
    if rest and comes_later:
        return [*pieces, {"text": "", **kind, **rest}]
    return [*pieces[:-1], pieces[-1] | rest]


def payloads_of(data: st.DataObject, whole: dict[str, Any]) -> list[dict[str, Any]]:
    """The payloads of a stream that brings the answer."""
    [candidate] = whole["candidates"]
    parts = [piece for part in candidate["content"].get("parts", ()) for piece in pieces_of(data, part)]
    frame = {name: value for name, value in whole.items() if name not in ("candidates", "usageMetadata")}
    so_far = {"usageMetadata": {"promptTokenCount": 1}} if "usageMetadata" in whole else {}
    payloads: list[dict[str, Any]] = []
    while parts:
        size = data.draw(st.integers(1, len(parts)))
        content = {"role": "model", "parts": parts[:size]}
        payloads.append(frame | {"candidates": [{"content": content, "index": 0}]} | so_far)
        parts = parts[size:]
    last = {name: value for name, value in candidate.items() if name != "content"}
    return [*payloads, frame | {"candidates": [last]}, *([{"usageMetadata": whole["usageMetadata"]}] if "usageMetadata" in whole else [])]
