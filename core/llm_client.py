"""What users ask models through. A client implements `respond`; the contract's flat `generate_response` stands on top of it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self

from .call_context import CallContext
from .deltas import StreamEvent, TextDelta
from .flat import flat_request, flat_response, typed_request, typed_response
from .inference import ModelRequest, ModelResponse
from .models import LLMConfiguration, LLMProvider, LLMRequest, LLMResponse
from .ports import ModelPort
from .stream_folding import unfold
from .streaming import events_of

NO_SESSION = CallContext()
"""The place of a call that belongs to no session."""


class LLMClient:
    """Asks one model. A subclass implements `respond`, or `generate_response` as POLARIS's own clients do."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.respond is LLMClient.respond and cls.generate_response is LLMClient.generate_response:
            raise TypeError(f"{cls.__name__} can answer nothing: implement respond, or generate_response")

    def __init__(self, config: LLMConfiguration) -> None:
        if type(self) is LLMClient:
            raise TypeError("LLMClient is what clients have in common; make an OpenAIClient, LocalClient or MockLLMClient")
        self.config = config

    async def respond(self, request: ModelRequest, call: CallContext = NO_SESSION) -> ModelResponse:
        """The model's answer; raises LLMIntegrationError."""
        return await FlatPort(self).respond(request, call)

    async def generate_response(self, request: LLMRequest) -> LLMResponse:
        """The model's answer in the contract's shape; raises LLMIntegrationError."""
        response = await self.respond(typed_request(request), NO_SESSION)
        return flat_response(response, request.request_id)

    async def stream_events(self, request: ModelRequest, call: CallContext = NO_SESSION) -> AsyncGenerator[StreamEvent, None]:
        """The model's answer as it comes, or in pieces once it is there; leaving early stops it. Raises LLMIntegrationError."""
        for event in unfold(await self.respond(request, call)):
            yield event

    async def generate_stream(self, request: LLMRequest) -> AsyncGenerator[str, None]:
        """The pieces of the answer's text, which cannot be taken back: a stream never begins anew. Raises LLMIntegrationError."""
        asked = replace(typed_request(request), restarts_stream=False)
        async with aclosing(self.stream_events(asked, NO_SESSION)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    yield event.text

    async def close(self) -> None:
        """Let go of what is open; may be called more than once."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def get_provider(self) -> LLMProvider | str:
        """The provider that the configuration names."""
        return self.config.provider

    def supports_function_calling(self) -> bool:
        """Whether models of this kind can call tools."""
        return True


class FlatClient(Protocol):
    """What the contract asks of a client."""

    async def generate_response(self, request: LLMRequest) -> LLMResponse:
        """The model's answer."""
        ...


class FlatPort:
    """A ModelPort that always goes through a client's `generate_response`, also when that is overridden or replaced."""

    def __init__(self, client: FlatClient) -> None:
        self._client = client

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """The model's answer; raises LLMIntegrationError."""
        return typed_response(await self._client.generate_response(flat_request(request)))


class PortClient(LLMClient):
    """A client in front of any ModelPort, such as a cache or a provider actor."""

    def __init__(self, config: LLMConfiguration, port: ModelPort) -> None:
        super().__init__(config)
        self._port = port

    async def respond(self, request: ModelRequest, call: CallContext = NO_SESSION) -> ModelResponse:
        """The model's answer; raises LLMIntegrationError."""
        return await self._port.respond(request, call)

    async def stream_events(self, request: ModelRequest, call: CallContext = NO_SESSION) -> AsyncGenerator[StreamEvent, None]:
        """The port's answer as it comes, if it streams; leaving early stops it. Raises LLMIntegrationError."""
        async with aclosing(events_of(self._port, request, call)) as events:
            async for event in events:
                yield event
