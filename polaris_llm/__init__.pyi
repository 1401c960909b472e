from .actors.runtime import LLMRuntime
from .actors.session_handle import SessionHandle
from .core.cache import LLMCache, LLMCacheEntry
from .core.cached_client import CachedClient
from .core.client import LLMClient, LocalClient, MockLLMClient, OpenAIClient
from .core.client_factory import LLMClientFactory, create_llm_client, create_local_client, create_mock_client, create_openai_client
from .core.conversation_manager import ConversationManager
from .core.conversations import Conversation
from .core.deltas import ReasoningDelta, StreamEvent, StreamFinished, TextDelta, ToolCallDelta, UsageReport
from .core.exceptions import (
    ActorError,
    ActorUnavailableError,
    CallerAwayError,
    DeadlineExceededError,
    LLMAPIError,
    LLMConfigurationError,
    LLMConnectionError,
    LLMIntegrationError,
    LLMRateLimitError,
    LLMResponseParsingError,
    LLMTimeoutError,
    LLMToolError,
    OutcomeUnknownError,
    OverloadedError,
    RateLimitExceededError,
    SessionError,
    ToolTimeoutError,
    UnknownSessionError,
)
from .core.flows import ConversationFlow
from .core.inference import CachePolicy, FinishReason, ModelRequest, ModelResponse
from .core.models import (
    AgenticConversation,
    FunctionCall,
    LLMConfiguration,
    LLMProvider,
    LLMRequest,
    LLMResponse,
    Message,
    MessageRole,
    ToolCall,
    ToolCallStatus,
    ToolResult,
)
from .core.parts import ImagePart, ModelMessage, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, text_message
from .core.prompt_manager import PromptManager
from .core.prompt_templates import PromptTemplate
from .core.rate_limiter import LLMRateLimiter, RateLimitConfig, get_rate_limiter, rate_limited
from .core.response_parser import FunctionCallParser, JSONSchemaValidator, ResponseParser, json_repairer
from .core.runs import RunLimits, RunOutcome
from .core.scenarios.results import SimulationResults
from .core.scenarios.scenario import Scenario
from .core.settings import Settings
from .core.tool_registry import BaseTool, CalculatorTool, EchoTool, ToolCallContext, ToolRegistry, create_default_registry, tool
from .core.tool_schema import ToolSchema
from .core.usage import Usage

__all__ = [
    "ActorError",
    "ActorUnavailableError",
    "AgenticConversation",
    "BaseTool",
    "CachePolicy",
    "CachedClient",
    "CalculatorTool",
    "CallerAwayError",
    "Conversation",
    "ConversationFlow",
    "ConversationManager",
    "DeadlineExceededError",
    "EchoTool",
    "FinishReason",
    "FunctionCall",
    "FunctionCallParser",
    "ImagePart",
    "JSONSchemaValidator",
    "LLMAPIError",
    "LLMCache",
    "LLMCacheEntry",
    "LLMClient",
    "LLMClientFactory",
    "LLMConfiguration",
    "LLMConfigurationError",
    "LLMConnectionError",
    "LLMIntegrationError",
    "LLMProvider",
    "LLMRateLimitError",
    "LLMRateLimiter",
    "LLMRequest",
    "LLMResponse",
    "LLMResponseParsingError",
    "LLMRuntime",
    "LLMTimeoutError",
    "LLMToolError",
    "LocalClient",
    "Message",
    "MessageRole",
    "MockLLMClient",
    "ModelMessage",
    "ModelRequest",
    "ModelResponse",
    "OpenAIClient",
    "OutcomeUnknownError",
    "OverloadedError",
    "PromptManager",
    "PromptTemplate",
    "RateLimitConfig",
    "RateLimitExceededError",
    "ReasoningDelta",
    "ReasoningPart",
    "ResponseParser",
    "RunLimits",
    "RunOutcome",
    "Scenario",
    "SessionError",
    "SessionHandle",
    "Settings",
    "SimulationResults",
    "StreamEvent",
    "StreamFinished",
    "TextDelta",
    "TextPart",
    "ToolCall",
    "ToolCallContext",
    "ToolCallDelta",
    "ToolCallPart",
    "ToolCallStatus",
    "ToolRegistry",
    "ToolResult",
    "ToolResultPart",
    "ToolSchema",
    "ToolTimeoutError",
    "UnknownSessionError",
    "Usage",
    "UsageReport",
    "create_default_registry",
    "create_llm_client",
    "create_local_client",
    "create_mock_client",
    "create_openai_client",
    "get_rate_limiter",
    "json_repairer",
    "rate_limited",
    "text_message",
    "tool",
]
