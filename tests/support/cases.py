"""Each wire of each provider, as a case for the tests that run over all of them."""

from dataclasses import dataclass, replace
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from polaris_llm.core.client_factory import client_for
from polaris_llm.core.deltas import StreamEvent
from polaris_llm.core.exceptions import LLMIntegrationError
from polaris_llm.core.inference import ModelResponse
from polaris_llm.core.llm_client import LLMClient
from polaris_llm.core.parts import ToolCallPart, text_message
from polaris_llm.core.provider_settings import ProviderSettings
from polaris_llm.core.providers.attempts import Surroundings
from polaris_llm.core.providers.exchange import Codec
from polaris_llm.core.providers.registry import PROVIDERS, Endpoint, Provider, WireFormat

from .acme_provider import ACME
from .dialect_acme import ACME_WIRE
from .dialect_anthropic import ANTHROPIC
from .dialect_chat import OPENAI_CHAT
from .dialect_google import GOOGLE
from .dialect_responses import OPENAI_RESPONSES
from .model_requests import CALL, WEATHER, a_request
from .openai_server import OpenAIServer, Reply, as_json, streamed
from .wires import Said, ServerDialect

KEY = "sk-very-secret-key"
PROMPT = "Why is the sky of our farm grey?"
HELLO = Said(text="Hellö 🎉.")
CALLS = Said(
    text="Let me see.",
    calls=(
        ToolCallPart(call_id="call_1", name="weather", arguments={"city": "Oslo"}),
        ToolCallPart(call_id="call_2", name="weather", arguments={"city": "Bergen", "days": [1, 2]}),
    ),
)
THOUGHTS = Said(thoughts="Oslo, or Bergen? Ü.", text="Both.", calls=CALLS.calls)


DIALECTS: dict[str, ServerDialect] = {
    "openai_chat": OPENAI_CHAT,
    "openai_responses": OPENAI_RESPONSES,
    "anthropic": ANTHROPIC,
    "google": GOOGLE,
    "acme": ACME_WIRE,
}
"""How a server speaks each wire, by the wire's name."""


OFFERS = {**PROVIDERS, ACME.name: ACME}
"""All that the package knows, and one that it does not."""
HOMES = {"azure": "https://farm.openai.azure.com", "local": "https://models.example"}
"""Of providers that are somewhere else for everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One wire of one provider."""

    provider: str
    wire: str

    @property
    def offer(self) -> Provider:
        """The provider."""
        return OFFERS[self.provider]

    @property
    def format(self) -> WireFormat:
        """The wire."""
        return self.offer.wire(self.wire)

    @property
    def dialect(self) -> ServerDialect:
        """How its server speaks."""
        return DIALECTS[self.wire]

    @property
    def home(self) -> str:
        """Where it is asked unless told otherwise, or where one of its kind might be."""
        return self.offer.base_url or HOMES[self.provider]

    @property
    def key_header(self) -> str:
        """Where a call shows who asks."""
        return "api-key" if self.provider == "azure" else self.dialect.key_header

    @property
    def codec(self) -> Codec:
        """What reads and writes the wire."""
        return self.format.codec(Endpoint(provider=self.provider, base_url=self.home, api_key=KEY))

    def client(self, server: OpenAIServer, surroundings: Surroundings | None = None, **changes: Any) -> LLMClient:
        """A client that is quick to retry."""
        given = {
            "kind": "support.acme_provider:ACME" if self.offer is ACME else self.provider,
            "wire": self.wire,
            "model": "a-model",
            "base_url": server.url.removesuffix("/v1"),
            "api_key": SecretStr(KEY),
            "max_retries": 0,
            "retry_delay_s": 0.01,
            "timeout_s": 10.0,
        }
        return client_for(ProviderSettings.model_validate(given | changes), surroundings=surroundings)

    def streamed(self, said: Said) -> Reply:
        """A whole stream."""
        return streamed(*self.dialect.events(said))

    def answered(self, said: Said, *, stream: bool = False) -> Reply:
        """The whole answer, as it was asked for."""
        return self.streamed(said) if stream else as_json(200, self.dialect.whole(said))

    def begun(self, said: Said) -> bytes:
        """A stream as far as half of its events."""
        events = list(self.dialect.events(said))
        return b"".join(events[: len(events) // 2])


CASES = [Case(provider=name, wire=wire.name) for name, offer in OFFERS.items() for wire in offer.wires]


async def events_of(client: LLMClient, **changes: Any) -> list[StreamEvent]:
    """All events of a request's stream."""
    with anyio.fail_after(30):
        return [event async for event in client.stream_events(a_request(tools=(WEATHER,), **changes), CALL)]


async def failure(client: LLMClient, error: type[LLMIntegrationError], *, stream: bool = False) -> LLMIntegrationError:
    """The error that a request ends in; it tells neither the key nor the prompt."""
    messages = (text_message("user", PROMPT),)
    with anyio.fail_after(30), pytest.raises(error) as caught:
        await (events_of(client, messages=messages) if stream else client.respond(a_request(messages=messages), CALL))
    told = f"{caught.value!r} {caught.value.to_dict()}"
    assert KEY not in told
    assert PROMPT not in told
    return caught.value


def same(response: ModelResponse) -> ModelResponse:
    """A response without what no two calls have in common."""
    return replace(response, latency_s=0.0, response_id="")
