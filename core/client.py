"""What users ask models through. A client implements `respond`; the contract's flat `generate_response` stands on top of it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Protocol, Self

from pydantic import JsonValue

from .call_context import CallContext
from .deltas import StreamEvent, TextDelta
from .exceptions import LLMConfigurationError
from .flat import flat_request, flat_response, typed_request, typed_response
from .inference import FinishReason, ModelRequest, ModelResponse
from .models import LLMConfiguration, LLMProvider, LLMRequest, LLMResponse
from .parts import Part, TextPart, ToolCallPart
from .ports import ModelPort
from .providers.attempts import AttemptGate, RetryPolicy
from .providers.http_model import HttpModel, RequestDefaults
from .providers.mock import DEFAULT_MODEL, MockModel, MockSchedule, Script
from .providers.openai_chat import OpenAIChatCodec
from .providers.transport import HttpTransport
from .stream_folding import unfold
from .usage import Usage

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
        """The pieces of the answer's text; raises LLMIntegrationError."""
        async with aclosing(self.stream_events(typed_request(request), NO_SESSION)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    yield event.text

    async def close(self) -> None:
        """Let go of what is open; may be called more than once."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def get_provider(self) -> LLMProvider:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """What an HTTP client takes beside its configuration."""

    transport: HttpTransport | None = None
    """None makes its own; one that is shared is closed by its clients all the same, and opens again when needed."""
    gate: AttemptGate | None = None
    extras: Mapping[str, JsonValue] = field(default_factory=dict)
    """Further parameters of the provider's API, for every request."""
    keep_raw: bool = True
    """Whether responses carry the provider's payload in `metadata["raw_response"]`."""


class ChatCompletionsClient(LLMClient):
    """Asks a server that speaks OpenAI's chat completions."""

    def __init__(self, config: LLMConfiguration, options: HttpOptions | None = None) -> None:
        super().__init__(config)
        options = options or HttpOptions()
        codec = OpenAIChatCodec(
            provider=config.provider.value, base_url=config.api_endpoint, api_key=config.api_key, keep_raw=options.keep_raw
        )
        defaults = RequestDefaults(model=config.model_name, extras=options.extras)
        self._model = HttpModel(codec, options.transport or HttpTransport(), retry_policy(config), gate=options.gate, defaults=defaults)

    async def respond(self, request: ModelRequest, call: CallContext = NO_SESSION) -> ModelResponse:
        """The model's answer; raises LLMAPIError and its kin, or LLMResponseParsingError."""
        return await self._model.respond(self._permitted(request), call)

    async def stream_events(self, request: ModelRequest, call: CallContext = NO_SESSION) -> AsyncGenerator[StreamEvent, None]:
        """The answer as the server sends it; leaving early closes the connection. Raises as `respond` does."""
        async with aclosing(self._model.stream(self._permitted(request), call)) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        await self._model.close()

    def _permitted(self, request: ModelRequest) -> ModelRequest:
        if request.tools and not self.config.enable_function_calling:
            return replace(request, tools=(), tool_choice="auto")
        return request


class OpenAIClient(ChatCompletionsClient):
    """Asks OpenAI, or a server that takes its keys."""

    def __init__(self, config: LLMConfiguration, options: HttpOptions | None = None) -> None:
        check_provider(type(self).__name__, config, LLMProvider.OPENAI)
        if not config.api_key:
            raise LLMConfigurationError("OpenAIClient needs an api_key", config_key="api_key", provider=config.provider.value)
        super().__init__(config, options)


class LocalClient(ChatCompletionsClient):
    """Asks a server of one's own, such as llama.cpp, vLLM or Ollama; needs no key."""

    def __init__(self, config: LLMConfiguration, options: HttpOptions | None = None) -> None:
        check_provider(type(self).__name__, config, LLMProvider.LOCAL)
        super().__init__(config, options)


class MockLLMClient(LLMClient):
    """Answers from a list of texts in turn, or by a script; needs no network."""

    def __init__(
        self,
        config: LLMConfiguration | None = None,
        *,
        script: Script | None = None,
        schedule: MockSchedule | None = None,
        gate: AttemptGate | None = None,
    ) -> None:
        super().__init__(config or MOCK_CONFIGURATION.model_copy())
        self.mock_responses = list(DEFAULT_RESPONSES)
        self.response_index = 0
        self._played_as_written = False
        self._model = MockModel(script or self._next_response, schedule, retry_policy(self.config), gate=gate)

    def set_mock_responses(self, responses: list[str]) -> None:
        """Play these texts from now on, as they are written."""
        self.mock_responses, self.response_index = list(responses), 0
        self._played_as_written = True

    async def respond(self, request: ModelRequest, call: CallContext = NO_SESSION) -> ModelResponse:
        """The next text, or the script's answer; raises the schedule's failures."""
        return await self._model.respond(request, call)

    async def stream_events(self, request: ModelRequest, call: CallContext = NO_SESSION) -> AsyncGenerator[StreamEvent, None]:
        """The answer word by word, over the schedule's latency; raises the schedule's failures."""
        async with aclosing(self._model.stream(request, call)) as events:
            async for event in events:
                yield event

    async def generate_stream(self, request: LLMRequest) -> AsyncGenerator[str, None]:
        """The answer's words, each with a space after it."""
        async with aclosing(super().generate_stream(request)) as pieces:
            async for piece in pieces:
                for word in piece.split():
                    yield f"{word} "

    def _next_response(self, request: ModelRequest) -> ModelResponse:
        text = self.mock_responses[self.response_index % len(self.mock_responses)] if self.mock_responses else ""
        self.response_index += 1
        parts: tuple[Part, ...] = (TextPart(text=text),)
        answers_a_tool = bool(request.messages) and request.messages[-1].role == "tool"
        called = bool(request.tools) and not self._played_as_written and not answers_a_tool
        if called:
            call_id = f"mock_call_{self.response_index}_{request.request_id}"
            parts += (ToolCallPart(call_id=call_id, name=request.tools[0].name, arguments={"mock": "parameters"}),)
        return ModelResponse(
            model=request.model or self.config.model_name,
            parts=parts,
            usage=Usage(input_tokens=10, output_tokens=20),
            finish_reason=FinishReason.TOOL_CALLS if called else FinishReason.STOP,
        )


DEFAULT_RESPONSES = (
    "This is a mock response from the LLM client.",
    "The system is in a normal state and no adaptation is needed.",
    "All metrics are within their limits; I recommend to keep the present configuration.",
)
MOCK_CONFIGURATION = LLMConfiguration(provider=LLMProvider.MOCK, api_endpoint="http://localhost:8000", model_name=DEFAULT_MODEL)


def retry_policy(config: LLMConfiguration) -> RetryPolicy:
    """How often and how long the configuration tries a call."""
    return RetryPolicy(max_attempts=config.max_retries + 1, timeout_s=config.timeout, base_delay_s=config.retry_delay)


def check_provider(client: str, config: LLMConfiguration, provider: LLMProvider) -> None:
    """Raise LLMConfigurationError when a configuration is for another provider's client."""
    if config.provider is not provider:
        message = f"{client} requires provider to be {provider.name}, not {config.provider.name}"
        raise LLMConfigurationError(message, config_key="provider", config_value=config.provider.value)
