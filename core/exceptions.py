"""Every error of the package, by who must act. All pickle and come back equal.

LLMIntegrationError
├── LLMAPIError                  the provider refused or broke
│   ├── LLMAuthenticationError, LLMPermissionError      the owner of the key must act
│   ├── LLMNotFoundError, LLMBadRequestError            the caller must (LLMContextWindowError, LLMContentFilterError)
│   ├── LLMRateLimitError                               the caller must wait; LLMQuotaExceededError: the owner must pay
│   └── LLMOverloadedError, LLMServerError, LLMTimeoutError, LLMConnectionError    it may work when tried again
├── LLMResponseParsingError      the model's answer is not what was asked for
├── LLMToolError                 a tool is missing, misused or broken     (ToolTimeoutError)
├── LLMConfigurationError        the settings, or the caller, must change
├── RateLimitExceededError       our own limiter refused
├── ActorError                   a message did not get its answer  (OverloadedError, DeadlineExceededError, OutcomeUnknownError,
│                                                                   ActorUnavailableError, CallerAwayError, VersionMismatchError)
├── SessionError                 a session cannot take this        (IllegalEventError, UnknownSessionError, JournalConflictError)
└── UnexpectedError              a defect: a foreign exception, named
"""

from typing import Any

from .api_exceptions import (
    RETRYABLE_STATUS,
    LLMAPIError,
    LLMAuthenticationError,
    LLMBadRequestError,
    LLMConnectionError,
    LLMContentFilterError,
    LLMContextWindowError,
    LLMNotFoundError,
    LLMOverloadedError,
    LLMPermissionError,
    LLMQuotaExceededError,
    LLMRateLimitError,
    LLMServerError,
    LLMTimeoutError,
)
from .error_base import UNEXPECTED, ErrorRecord, LLMIntegrationError, PolarisException, RemoteCause

__all__ = [
    "RETRYABLE_STATUS",
    "ActorError",
    "ActorUnavailableError",
    "CallerAwayError",
    "DeadlineExceededError",
    "ErrorRecord",
    "IllegalEventError",
    "JournalConflictError",
    "LLMAPIError",
    "LLMAuthenticationError",
    "LLMBadRequestError",
    "LLMConfigurationError",
    "LLMConnectionError",
    "LLMContentFilterError",
    "LLMContextWindowError",
    "LLMIntegrationError",
    "LLMNotFoundError",
    "LLMOverloadedError",
    "LLMPermissionError",
    "LLMQuotaExceededError",
    "LLMRateLimitError",
    "LLMResponseParsingError",
    "LLMServerError",
    "LLMTimeoutError",
    "LLMToolError",
    "OutcomeUnknownError",
    "OverloadedError",
    "PolarisException",
    "RateLimitExceededError",
    "RemoteCause",
    "SessionError",
    "ToolTimeoutError",
    "UnexpectedError",
    "UnknownSessionError",
    "VersionMismatchError",
]


class LLMResponseParsingError(LLMIntegrationError):
    """The answer could not be read, or does not satisfy its schema."""

    code = "LLM_RESPONSE_PARSING_ERROR"

    def __init__(
        self,
        message: str,
        response_content: str | None = None,
        expected_format: str | None = None,
        validation_errors: list[str] | None = None,
        **common: Any,  # LLMIntegrationError's keywords
    ) -> None:
        super().__init__(message, **common)
        content = response_content[:500] if response_content else None
        self._note(response_content=content, expected_format=expected_format, validation_errors=validation_errors)


class LLMToolError(LLMIntegrationError):
    """A tool is unknown, was called wrongly, or failed."""

    code = "LLM_TOOL_ERROR"

    def __init__(
        self,
        message: str,
        tool_name: str | None = None,
        tool_call_id: str | None = None,
        tool_parameters: dict[str, Any] | None = None,  # JSON
        **common: Any,  # LLMIntegrationError's keywords
    ) -> None:
        super().__init__(message, **common)
        self._note(tool_name=tool_name, tool_call_id=tool_call_id, tool_parameters=tool_parameters)


class ToolTimeoutError(LLMToolError):
    """A tool did not answer in the time it was given; the work was told to stop."""

    code = "LLM_TOOL_TIMEOUT"


class LLMConfigurationError(LLMIntegrationError):
    """A setting or an argument must change before this can work."""

    code = "LLM_CONFIGURATION_ERROR"

    def __init__(
        self,
        message: str,
        config_key: str | None = None,
        config_value: Any = None,  # whatever stood in the settings
        **common: Any,  # LLMIntegrationError's keywords
    ) -> None:
        super().__init__(message, **common)
        self._note(config_key=config_key, config_value=config_value)


class RateLimitExceededError(LLMIntegrationError):
    """Our own limiter refused a call; `limit_type` names the limit."""

    code = "RATE_LIMIT_EXCEEDED"
    retryable = True

    def __init__(self, message: str, retry_after: float, limit_type: str) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.limit_type = limit_type
        self._note(retry_after=retry_after, limit_type=limit_type)


class ActorError(LLMIntegrationError):
    """A message to an actor did not get its answer."""

    code = "ACTOR_ERROR"

    def __init__(self, message: str, actor: str | None = None, *, retry_after: float | None = None, **common: Any) -> None:  # as above
        super().__init__(message, **common)
        self.actor = actor
        self.retry_after = retry_after
        self._note(actor=actor, retry_after=retry_after)


class OverloadedError(ActorError):
    """The actor has as much work as it may hold; nothing was done. `retry_after` hints when to try again."""

    code = "ACTOR_OVERLOADED"
    retryable = True


class DeadlineExceededError(ActorError):
    """The time given for the answer is over; the work was told to stop."""

    code = "DEADLINE_EXCEEDED"


class OutcomeUnknownError(ActorError):
    """The actor died after it was sent the message: it may or may not have acted on it."""

    code = "OUTCOME_UNKNOWN"


class ActorUnavailableError(ActorError):
    """No such actor could be reached; the message was not sent."""

    code = "ACTOR_UNAVAILABLE"
    retryable = True


class CallerAwayError(ActorError):
    """The process that holds a live tool is not there; the tool was not run."""

    code = "CALLER_AWAY"
    retryable = True


class VersionMismatchError(ActorError):
    """The actor runs another version of the package, or speaks another version of the wire."""

    code = "VERSION_MISMATCH"


class SessionError(LLMIntegrationError):
    """A session cannot take what it was given."""

    code = "SESSION_ERROR"

    def __init__(self, message: str, session_id: str | None = None, **common: Any) -> None:  # LLMIntegrationError's keywords
        super().__init__(message, **common)
        self.session_id = session_id
        self._note(session_id=session_id)


class IllegalEventError(SessionError):
    """The event may not happen in the session's present state; nothing was changed."""

    code = "ILLEGAL_EVENT"


class UnknownSessionError(SessionError):
    """No session has this id, or its log was already dropped."""

    code = "UNKNOWN_SESSION"


class JournalConflictError(SessionError):
    """Somebody else wrote to this session; the loser must stop. `actual_seq` is the log's present length."""

    code = "JOURNAL_CONFLICT"

    def __init__(self, message: str, session_id: str | None = None, *, actual_seq: int, **common: Any) -> None:  # as above
        super().__init__(message, session_id, **common)
        self.actual_seq = actual_seq


class UnexpectedError(LLMIntegrationError):
    """A defect somewhere: a foreign exception reached a boundary; `cause` names it."""

    code = UNEXPECTED

    @classmethod
    def of(cls, error: BaseException) -> "UnexpectedError":
        """Wrap a foreign exception."""
        return cls(f"{type(error).__name__}: {error}", cause=RemoteCause.of(error))
