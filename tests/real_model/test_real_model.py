"""A real language model on a server of one's own, over every wire that such a server may speak: `make test-real-model`.

The server is llama.cpp's, or any that speaks the wires, at POLARIS_REAL_MODEL_URL; where none listens, the tests are skipped and say so.
"""

import json
import os
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest

from polaris_llm.core.client_factory import client_for
from polaris_llm.core.exceptions import LLMContextWindowError
from polaris_llm.core.inference import FinishReason
from polaris_llm.core.llm_client import LLMClient
from polaris_llm.core.parts import ModelMessage, TextPart, ToolCallPart, ToolResultPart, text_message
from polaris_llm.core.provider_settings import ProviderSettings
from polaris_llm.core.providers.registry import PROVIDERS
from polaris_llm.core.schema_check import SchemaCheck
from polaris_llm.core.stream_folding import fold
from support.model_requests import CALL, WEATHER, a_request

pytestmark = pytest.mark.anyio

URL = os.environ.get("POLARIS_REAL_MODEL_URL", "http://127.0.0.1:18080")
MODEL = os.environ.get("POLARIS_REAL_MODEL", "smollm2")
PATIENCE_S = 100
"""Seconds for one test, on a busy machine."""
WIRES = [wire.name for wire in PROVIDERS["local"].wires]
HELD_TO_SCHEMAS = [wire.name for wire in PROVIDERS["local"].wires if wire.capabilities.json_schema]
CITY = {
    "type": "object",
    "properties": {"city": {"enum": ["Oslo", "Bergen"]}, "inhabitants": {"type": "integer"}},
    "required": ["city", "inhabitants"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module", autouse=True)
def _served() -> None:
    address = urlsplit(URL)
    try:
        socket.create_connection((address.hostname or "", address.port or 80), timeout=2).close()
    except OSError as error:
        pytest.skip(f"no model is served at {URL}: {error}")


@pytest.fixture
async def client(wire: str) -> AsyncIterator[LLMClient]:
    """A client that speaks the wire to the model."""
    settings = ProviderSettings(kind="local", wire=wire, base_url=URL, model=MODEL, timeout_s=PATIENCE_S, max_retries=0)
    async with client_for(settings) as client:
        yield client


def asked(text: str, **changes: Any) -> Any:
    """A request of the settings' model that takes the likeliest words."""
    return a_request(text, **{"model": "", "temperature": 0.0, "max_tokens": 24} | changes)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_model_answers_and_its_tokens_are_counted(client: LLMClient) -> None:
    with anyio.fail_after(PATIENCE_S):
        response = await client.respond(asked("Say hello in five words."))

    assert response.text.strip()
    assert response.finish_reason in (FinishReason.STOP, FinishReason.LENGTH)
    assert response.usage.input_tokens > 5
    assert 0 < response.usage.output_tokens <= 24


@pytest.mark.parametrize("wire", WIRES)
async def test_a_stream_is_an_answer_in_pieces(client: LLMClient) -> None:
    with anyio.fail_after(PATIENCE_S):
        events = [event async for event in client.stream_events(asked("Say hello in five words."), CALL)]

    response = fold(events)
    assert len(events) > 3
    assert response.text.strip()
    assert 0 < response.usage.output_tokens <= 24


@pytest.mark.parametrize("wire", WIRES)
async def test_a_limit_of_tokens_is_the_reason_of_an_end(client: LLMClient) -> None:
    with anyio.fail_after(PATIENCE_S):
        response = await client.respond(asked("Tell me the whole history of Norway.", max_tokens=8))

    assert response.finish_reason is FinishReason.LENGTH


@pytest.mark.parametrize("wire", WIRES)
async def test_a_prompt_too_long_is_told(client: LLMClient) -> None:
    with anyio.fail_after(PATIENCE_S), pytest.raises(LLMContextWindowError):
        await client.respond(asked("word " * 20_000))


@pytest.mark.parametrize("wire", HELD_TO_SCHEMAS)
async def test_an_answer_satisfies_its_schema(client: LLMClient) -> None:
    with anyio.fail_after(PATIENCE_S):
        response = await client.respond(asked("Where is it?", response_schema=CITY, max_tokens=60))

    assert SchemaCheck(CITY).problems(json.loads(response.text)) == []


@pytest.mark.parametrize("wire", WIRES)
async def test_a_tool_is_called_where_the_model_can(client: LLMClient) -> None:
    request = asked("What is the weather in Oslo?", tools=(WEATHER,), tool_choice="required", max_tokens=80)
    with anyio.fail_after(PATIENCE_S):
        response = await client.respond(request)

    if not response.tool_calls:
        pytest.skip(f"the model called no tool, though it was required to: it said {response.text[:80]!r}")
    assert response.tool_calls[0].name == "weather"
    assert response.finish_reason in (FinishReason.TOOL_CALLS, FinishReason.LENGTH)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_conversation_goes_on_after_answers_and_tools(client: LLMClient) -> None:
    call = ToolCallPart(call_id="call_1", name="weather", arguments={"city": "Oslo"})
    result = ToolResultPart(call_id="call_1", name="weather", content={"sky": "grey"})
    with anyio.fail_after(PATIENCE_S):
        first = await client.respond(asked("What is the weather in Oslo?", max_tokens=8))
        messages = (
            text_message("user", "What is the weather in Oslo?"),
            first.as_message(),
            text_message("user", "Look it up."),
            ModelMessage(role="assistant", parts=(TextPart(text="Let me see."), call)),
            ModelMessage(role="tool", parts=(result,)),
        )
        later = await client.respond(asked("", messages=messages, tools=(WEATHER,)))

    assert later.usage.output_tokens > 0
    assert later.usage.input_tokens > first.usage.input_tokens
