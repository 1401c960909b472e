"""What the servers of the wire tests say is what official SDKs' own models say, written by those: nothing there is made up."""

import json
from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from google.genai.types import GenerateContentResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from support.cases import CALLS, DIALECTS, HELLO, THOUGHTS
from support.wires import Said

MODELS: dict[str, tuple[TypeAdapter[Any], TypeAdapter[Any]]] = {
    "openai_chat": (TypeAdapter(ChatCompletion), TypeAdapter(ChatCompletionChunk)),
    "openai_responses": (TypeAdapter(Response), TypeAdapter(ResponseStreamEvent)),
    "anthropic": (TypeAdapter(Message), TypeAdapter(RawMessageStreamEvent)),
    "google": (TypeAdapter(GenerateContentResponse), TypeAdapter(GenerateContentResponse)),
}
"""By wire: an answer's model, and an event's."""

WIRES = pytest.mark.parametrize("wire", MODELS)
SAID = pytest.mark.parametrize("said", [HELLO, CALLS, THOUGHTS], ids=["text", "tools", "thoughts"])


def written(model: TypeAdapter[Any], payload: dict[str, Any]) -> dict[str, Any]:
    """The payload as the SDK writes what it reads in it."""
    dumped: dict[str, Any] = model.dump_python(model.validate_python(payload), mode="json", by_alias=True, exclude_unset=True)
    return dumped


@WIRES
@SAID
def test_an_answer_is_as_the_sdk_writes_it(wire: str, said: Said) -> None:
    whole = DIALECTS[wire].whole(said)

    assert written(MODELS[wire][0], whole) == whole


@WIRES
@SAID
def test_every_event_is_as_the_sdk_writes_it(wire: str, said: Said) -> None:
    lines = b"".join(DIALECTS[wire].events(said)).decode().split("\n")
    events = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]

    for event in events:
        assert event == {"type": "ping"} or written(MODELS[wire][1], event) == event
