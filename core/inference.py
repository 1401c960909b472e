"""One model call: what is asked and what comes back, for every provider alike."""

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from pydantic import JsonValue, TypeAdapter

from .parts import ModelMessage, Part, TextPart, ToolCallPart
from .pickling import pickled_by_fields
from .tool_schema import ToolSchema
from .usage import Usage

UNASKED_TEMPERATURE = 0.1
"""What a request has that says nothing of it."""


class FinishReason(StrEnum):
    """Why a model stopped; the provider's own word is kept beside it."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    PAUSE = "pause"
    CONTEXT_WINDOW = "context_window"
    ERROR = "error"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """Whether one call may be answered from the cache, and for how long its answer is kept."""

    mode: Literal["use", "bypass", "refresh"] = "use"
    """use: read and write; bypass: neither; refresh: write only."""
    ttl_s: float | None = None
    """Seconds; 0 keeps nothing, None leaves it to the settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptCache:
    """How the provider is to keep the beginning of a prompt, so that later calls with the same beginning cost less."""

    key: str | None = None
    """OpenAI: calls of one key look in one place."""
    after: tuple[Literal["tools", "system", "messages"], ...] = ()
    """Anthropic: where the kept beginning may end: after the tools, the system prompt, or the last message; with a ttl alone it says."""
    ttl: Literal["5m", "1h"] | None = None
    """How long it is kept without use; None leaves it to the provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """What a model is asked. Where and how it is computed does not change the answer (`SILENT_FIELDS` of cache_key.py); all else does."""

    model: str
    messages: tuple[ModelMessage, ...]
    tools: tuple[ToolSchema, ...] = ()
    tool_choice: str = "auto"
    """auto, none, required, or the name of a tool."""
    parallel_tool_calls: bool | None = None
    max_tokens: int = 1000
    temperature: float = UNASKED_TEMPERATURE
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning_effort: str | None = None
    service_tier: str | None = None
    """The provider's own word for how soon, and at what price, it is to answer."""
    prompt_cache: PromptCache | None = None
    response_schema: dict[str, Any] | None = None
    """A JSON schema that the text of the answer must satisfy, where the server can see to it."""
    extras: dict[str, JsonValue] = field(default_factory=dict)
    """Further parameters by the name of the wire that has them, such as `{"openai_chat": {"logprobs": True}}`; None takes one away."""
    restarts_stream: bool = False
    """Whether a stream that breaks off after its first event may begin anew, told by StreamRestarted."""
    cache: CachePolicy = CachePolicy()
    metadata: dict[str, JsonValue] = field(default_factory=dict)
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResponse:
    """What a model answered, and what it took."""

    model: str
    parts: tuple[Part, ...]
    usage: Usage = Usage()
    finish_reason: FinishReason = FinishReason.STOP
    raw_finish_reason: str | None = None
    response_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    provider: str = ""
    cached: bool = False
    attempts: int = 1
    latency_s: float = 0.0
    """Seconds from the first attempt's start to the answer."""
    metadata: dict[str, JsonValue] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All text parts, joined without a separator."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def tool_calls(self) -> tuple[ToolCallPart, ...]:
        """The tool calls, in the order the model gave them."""
        return tuple(part for part in self.parts if isinstance(part, ToolCallPart))

    def as_message(self) -> ModelMessage:
        """The answer as the history keeps it."""
        return ModelMessage(role="assistant", parts=self.parts)


MODEL_REQUEST: TypeAdapter[ModelRequest] = TypeAdapter(ModelRequest)
MODEL_RESPONSE: TypeAdapter[ModelResponse] = TypeAdapter(ModelResponse)

pickled_by_fields(CachePolicy, PromptCache, ModelRequest, ModelResponse)
