"""The clients of the package: those of model servers, under each provider's name, and the mock."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from .call_context import CallContext
from .deltas import StreamEvent
from .http_client import HttpClient, HttpOptions, retry_policy, unsupported
from .inference import FinishReason, ModelRequest, ModelResponse
from .llm_client import NO_SESSION, LLMClient
from .models import LLMConfiguration, LLMProvider, LLMRequest
from .parts import Part, TextPart, ToolCallPart
from .providers.attempts import AttemptGate, Surroundings
from .providers.mock import DEFAULT_MODEL, MockModel, MockSchedule, Script
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
    "unsupported",
]


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
        surroundings: Surroundings | None = None,
    ) -> None:
        super().__init__(config or MOCK_CONFIGURATION.model_copy())
        self.mock_responses = list(DEFAULT_RESPONSES)
        self.response_index = 0
        self._played_as_written = False
        policy = retry_policy(self.config)
        self._model = MockModel(script or self._next_response, schedule, policy, gate=gate, surroundings=surroundings)

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
