"""The shapes of POLARIS's LLM module: flat messages, requests and responses on top of the typed ones."""

import uuid
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from .flows import ConversationFlow
from .parts import Part
from .prompt_templates import PromptTemplate
from .provider_names import LLMProvider, known_provider
from .tool_schema import ToolSchema

__all__ = [
    "AgenticConversation",
    "ConversationFlow",
    "FunctionCall",
    "LLMConfiguration",
    "LLMProvider",
    "LLMRequest",
    "LLMResponse",
    "Message",
    "MessageRole",
    "PromptTemplate",
    "ToolCall",
    "ToolCallStatus",
    "ToolResult",
    "ToolSchema",
]


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return str(uuid.uuid4())


class MessageRole(StrEnum):
    """Who speaks in a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class ToolCallStatus(StrEnum):
    """How far a tool call has come."""

    PENDING = "pending"
    EXECUTING = "executing"
    SUCCESS = "success"
    FAILED = "failed"
    TIMEOUT = "timeout"


@dataclass(frozen=True)
class FunctionCall:
    """A tool call as a model asks for it."""

    name: str
    arguments: dict[str, Any]  # JSON
    call_id: str = field(default_factory=_new_id)


@dataclass(frozen=True)
class ToolCall:
    """A tool call and what became of it."""

    tool_name: str
    parameters: dict[str, Any]  # JSON
    call_id: str = field(default_factory=_new_id)
    status: ToolCallStatus = ToolCallStatus.PENDING
    result: dict[str, Any] | None = None  # JSON
    error_message: str | None = None
    execution_time: float = 0.0
    """Seconds."""
    created_at: datetime = field(default_factory=_now)
    completed_at: datetime | None = None


@dataclass(frozen=True)
class Message:
    """One message of a conversation."""

    role: MessageRole
    content: str
    timestamp: datetime = field(default_factory=_now)
    metadata: dict[str, Any] = field(default_factory=dict)  # JSON
    tool_calls: list[ToolCall] = field(default_factory=list)
    tool_call_id: str | None = None
    parts: tuple[Part, ...] = field(default=(), kw_only=True, repr=False)
    """The same message in full, as the model gave it; `flat.py` says when it counts."""


@dataclass(frozen=True)
class LLMRequest:
    """What a model is asked, in the contract's shape; `tools` are in OpenAI's format."""

    messages: list[Message]
    model_name: str
    max_tokens: int = 1000
    temperature: float = 0.1
    tools: list[dict[str, Any]] | None = None  # JSON
    tool_choice: str | dict[str, Any] | None = None  # JSON
    stream: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)  # JSON
    request_id: str = field(default_factory=_new_id)
    options: dict[str, Any] = field(default_factory=dict, kw_only=True)  # values of ModelRequest's fields
    """What only ModelRequest has, by its names, such as seed, top_p, response_schema, cache."""


@dataclass(frozen=True)
class LLMResponse:
    """What a model answered, in the contract's shape; `usage` has prompt_tokens, completion_tokens, total_tokens."""

    content: str
    model_name: str
    usage: dict[str, int]
    function_calls: list[FunctionCall] = field(default_factory=list)
    finish_reason: str = "stop"
    response_id: str = field(default_factory=_new_id)
    request_id: str | None = None
    created_at: datetime = field(default_factory=_now)
    metadata: dict[str, Any] = field(default_factory=dict)  # JSON
    parts: tuple[Part, ...] = field(default=(), kw_only=True, repr=False)
    """The same answer in full; `flat.py` says when it counts."""


@dataclass(frozen=True)
class ToolResult:
    """What a tool answered; a failure has `success` False and says why in `error_message`."""

    call_id: str
    tool_name: str
    success: bool
    result: Any  # JSON
    error_message: str | None = None
    execution_time: float = 0.0
    """Seconds."""
    metadata: dict[str, Any] = field(default_factory=dict)  # JSON
    completed_at: datetime = field(default_factory=_now)


@dataclass
class AgenticConversation:
    """What an agent said and did so far; it may be edited between runs."""

    conversation_id: str = field(default_factory=_new_id)
    messages: list[Message] = field(default_factory=list)
    tool_calls: list[ToolCall] = field(default_factory=list)
    reasoning_trace: list[str] = field(default_factory=list)
    context: dict[str, Any] = field(default_factory=dict)  # whatever the tools and the prompts need
    max_iterations: int = 10
    current_iteration: int = 0
    is_complete: bool = False
    final_result: Any = None  # JSON
    created_at: datetime = field(default_factory=_now)
    updated_at: datetime = field(default_factory=_now)

    def add_message(self, message: Message) -> None:
        """Append a message."""
        self.messages.append(message)
        self.updated_at = _now()

    def add_tool_call(self, tool_call: ToolCall) -> None:
        """Append a tool call."""
        self.tool_calls.append(tool_call)
        self.updated_at = _now()

    def add_reasoning_step(self, step: str) -> None:
        """Append a step of the reasoning."""
        self.reasoning_trace.append(step)
        self.updated_at = _now()

    def increment_iteration(self) -> None:
        """Count a model call; the one that reaches the limit completes the conversation."""
        self.current_iteration += 1
        self.is_complete = self.is_complete or self.current_iteration >= self.max_iterations
        self.updated_at = _now()

    def complete(self, result: Any) -> None:  # JSON
        """End the conversation with its result."""
        self.is_complete, self.final_result = True, result
        self.updated_at = _now()


def _checked_endpoint(value: str) -> str:
    expected = "API endpoint must be a valid HTTP/HTTPS URL"
    try:
        url = urlsplit(value)
        reachable = url.hostname and url.port != 0  # a port that is none raises
    except ValueError as error:
        raise ValueError(f"{expected}: {error}") from None
    if not reachable or url.scheme not in ("http", "https"):
        raise ValueError(expected)
    return value


def _revealed(value: Any) -> Any:  # a SecretStr, or whatever the caller passed
    return value.get_secret_value() if isinstance(value, SecretStr) else value


class LLMConfiguration(BaseModel):
    """How one model endpoint is called. Unknown keys warn and stay readable; the key shows in no repr, dump or error."""

    model_config = ConfigDict(extra="allow", protected_namespaces=(), hide_input_in_errors=True)

    provider: Annotated[LLMProvider | str, AfterValidator(known_provider)] = LLMProvider.OPENAI
    """Or a registered name, or where a provider is found: `module:attribute`."""
    api_endpoint: Annotated[str, AfterValidator(_checked_endpoint)] = Field(min_length=1)
    api_key: Annotated[str | None, BeforeValidator(_revealed)] = Field(default=None, repr=False, exclude=True)
    model_name: str = Field(min_length=1)
    max_tokens: int = Field(default=1000, ge=1, le=1_000_000)
    temperature: float = Field(default=0.1, ge=0.0, le=2.0)
    timeout: float = Field(default=30.0, ge=1.0, le=300.0)
    """Seconds one attempt may take."""
    max_retries: int = Field(default=3, ge=0, le=10)
    """Attempts after the first."""
    retry_delay: float = Field(default=1.0, ge=0.1, le=60.0)
    """Seconds before the second attempt, at most; later waits may be longer."""
    cache_ttl: int = Field(default=300, ge=0, le=86400)
    """Seconds; 0 keeps nothing."""
    enable_function_calling: bool = True

    @model_validator(mode="before")
    @classmethod
    def _veil_key_and_name_strangers(cls, data: Any) -> Any:  # before validation it may be anything
        if not isinstance(data, dict):
            return data
        if unknown := sorted(str(name) for name in data.keys() - cls.model_fields.keys()):
            known = ", ".join(sorted(cls.model_fields))
            warnings.warn(f"LLMConfiguration does not use {', '.join(unknown)}; it knows {known}", stacklevel=2)
        key = data.get("api_key")  # veiled at once, for pydantic's errors carry their input
        return data if key is None else {**data, "api_key": SecretStr(str(_revealed(key)))}
