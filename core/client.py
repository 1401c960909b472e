"""The clients of the package: one for all model servers, under each provider's name, and the mock."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import ClassVar

from pydantic import JsonValue, SecretStr

from .call_context import CallContext
from .deltas import StreamEvent
from .exceptions import LLMConfigurationError
from .inference import FinishReason, ModelRequest, ModelResponse
from .llm_client import NO_SESSION, LLMClient
from .models import LLMConfiguration, LLMProvider, LLMRequest
from .parts import Part, TextPart, ToolCallPart
from .providers.attempts import AttemptGate, RetryPolicy
from .providers.http_model import HttpModel, RequestDefaults
from .providers.keys import Codecs, KeyReference, KeyRing
from .providers.mock import DEFAULT_MODEL, MockModel, MockSchedule, Script
from .providers.registry import Endpoint, Provider, find_provider, supported_names
from .providers.transport import HttpTransport
from .usage import Usage

__all__ = [
    "AnthropicClient",
    "AzureOpenAIClient",
    "GoogleClient",
    "HttpClient",
    "HttpOptions",
    "LLMClient",
    "LocalClient",
    "MockLLMClient",
    "OpenAIClient",
    "retry_policy",
    "unsupported",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """What an HTTP client takes beside its configuration."""

    transport: HttpTransport | None = None
    """None makes its own; one that is shared is closed by its clients all the same, and opens again when needed."""
    gate: AttemptGate | None = None
    keys: tuple[KeyReference, ...] = ()
    """Where keys are found whenever one is needed, in place of the configuration's; each call takes the least used."""
    bearer: bool = False
    """Whether they are Entra tokens (Azure)."""
    api_version: str | None = None
    """Azure: a date asks the deployment's own path, None the surface v1."""
    wire: str | None = None
    """Which of the provider's wires is spoken; None takes the usual one."""
    extras: Mapping[str, JsonValue] = field(default_factory=dict)
    """Further parameters of that wire, for every request."""
    keep_raw: bool = True
    """Whether responses carry the provider's payload in `metadata["raw_response"]`."""


class HttpClient(LLMClient):
    """Asks a model server, over any wire that its provider speaks."""

    provider: ClassVar[LLMProvider | None] = None
    """The one whose configurations a subclass takes; None takes any that is registered."""

    def __init__(self, config: LLMConfiguration, options: HttpOptions | None = None) -> None:
        super().__init__(config)
        options = options or HttpOptions()
        keys = options.keys or ((SecretStr(config.api_key),) if config.api_key else ())
        provider = self._checked(config, keys)
        wire = provider.wire(options.wire)
        self.capabilities = wire.capabilities
        endpoint = Endpoint(
            provider=provider.name,
            base_url=config.api_endpoint,
            api_version=options.api_version,
            bearer=options.bearer,
            keep_raw=options.keep_raw,
        )
        wire.codec(replace(endpoint, api_key=None if options.keys else config.api_key))  # what does not fit is said now
        self._model = HttpModel(
            Codecs(wire.name, lambda key: wire.codec(replace(endpoint, api_key=key)), KeyRing(keys)),
            options.transport or HttpTransport(),
            retry_policy(config),
            gate=options.gate,
            defaults=RequestDefaults(model=config.model_name, extras=options.extras, idempotency_header=provider.idempotency_header),
        )

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

    def _checked(self, config: LLMConfiguration, keys: Sequence[KeyReference]) -> Provider:
        name = type(self).__name__
        if self.provider is not None and config.provider != self.provider:
            message = f"{name} requires provider to be {self.provider.name}, not {config.provider.upper()}"
            raise LLMConfigurationError(message, config_key="provider", config_value=str(config.provider))
        provider = find_provider(config.provider)
        if provider is None:
            raise unsupported(config.provider)
        if provider.needs_key and not keys:
            raise LLMConfigurationError(f"{name} needs an api_key", config_key="api_key", provider=provider.name)
        return provider

    def _permitted(self, request: ModelRequest) -> ModelRequest:
        if request.tools and not self.config.enable_function_calling:
            return replace(request, tools=(), tool_choice="auto")
        return request


class OpenAIClient(HttpClient):
    """Asks OpenAI, or a server that takes its keys."""

    provider = LLMProvider.OPENAI


class AnthropicClient(HttpClient):
    """Asks Anthropic."""

    provider = LLMProvider.ANTHROPIC


class GoogleClient(HttpClient):
    """Asks Google's Gemini."""

    provider = LLMProvider.GOOGLE


class AzureOpenAIClient(HttpClient):
    """Asks a deployment of Azure OpenAI; the request's model is the deployment's name."""

    provider = LLMProvider.AZURE


class LocalClient(HttpClient):
    """Asks a server of one's own, such as llama.cpp, vLLM or Ollama; needs no key."""

    provider = LLMProvider.LOCAL


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


def unsupported(name: str) -> LLMConfigurationError:
    """The error for a provider that nobody speaks to here."""
    message = f"Unsupported LLM provider: {name}; supported: {', '.join(supported_names())}, or register a client for it"
    return LLMConfigurationError(message, config_key="provider", config_value=str(name))
