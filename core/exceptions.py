"""Every error of the package, by who must act. All pickle and come back equal.

LLMIntegrationError
├── LLMAPIError                  the provider refused or broke     (LLMTimeoutError, LLMRateLimitError, LLMConnectionError)
├── LLMResponseParsingError      the model's answer is not what was asked for
├── LLMToolError                 a tool is missing, misused or broken     (ToolTimeoutError)
├── LLMConfigurationError        the settings, or the caller, must change
├── RateLimitExceededError       our own limiter refused
├── ActorError                   a message did not get its answer  (OverloadedError, DeadlineExceededError, OutcomeUnknownError,
│                                                                   ActorUnavailableError, CallerAwayError, VersionMismatchError)
├── SessionError                 a session cannot take this        (IllegalEventError, UnknownSessionError, JournalConflictError)
└── UnexpectedError              a defect: a foreign exception, named
"""

import math
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import JsonValue

try:  # inside POLARIS its own root is ours too
    from infrastructure.exceptions import PolarisException as PolarisException  # type: ignore[import-not-found, unused-ignore]
except ImportError:

    class PolarisException(Exception):  # type: ignore[no-redef]  # noqa: N818 - POLARIS's name
        """The shape of POLARIS's root error, for where POLARIS is not installed."""

        def __init__(
            self,
            message: str,
            error_code: str,
            context: dict[str, Any] | None = None,  # JSON, fixed by the contract
            cause: BaseException | None = None,
            correlation_id: str | None = None,
        ) -> None:
            super().__init__(message)
            self.message = message
            self.error_code = error_code
            self.context = dict(context or {})
            self.cause = cause
            self.correlation_id = correlation_id or str(uuid.uuid4())
            self.timestamp = datetime.now(UTC)

        def to_dict(self) -> dict[str, Any]:  # JSON, fixed by the contract
            """The error as JSON."""
            return {
                "error_type": type(self).__name__,
                "message": self.message,
                "error_code": self.error_code,
                "context": self.context,
                "correlation_id": self.correlation_id,
                "timestamp": self.timestamp.isoformat(),
                "cause": str(self.cause) if self.cause is not None else None,
            }


class RemoteCause(Exception):  # noqa: N818 - it stands in for an error, it is none of ours
    """A cause that stayed in its own process: its type's name and its message."""

    def __init__(self, type_name: str, message: str) -> None:
        super().__init__(type_name, message)
        self.type_name = type_name
        self.message = message

    def __str__(self) -> str:
        return self.message

    @classmethod
    def of(cls, error: BaseException) -> "RemoteCause":
        """What of `error` can cross a process boundary."""
        return error if isinstance(error, cls) else cls(type(error).__name__, str(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRecord:
    """An error as logs, results and models see it: JSON, and no traceback."""

    type: str
    code: str
    message: str
    context: dict[str, JsonValue]
    retryable: bool = False

    @classmethod
    def of(cls, error: BaseException) -> "ErrorRecord":
        """The record of any error; foreign ones get the code UNEXPECTED_ERROR."""
        if isinstance(error, LLMIntegrationError):
            context = {key: _as_json(value) for key, value in error.context.items()}
            return cls(type=type(error).__name__, code=error.error_code, message=error.message, context=context, retryable=error.retryable)
        return cls(type=type(error).__name__, code=UnexpectedError.code, message=str(error), context={})


def _as_json(value: object) -> JsonValue:
    match value:
        case float():
            return value if math.isfinite(value) else str(value)
        case None | bool() | int() | str():
            return value
        case dict():
            return {str(key): _as_json(item) for key, item in value.items()}
        case list() | tuple():
            return [_as_json(item) for item in value]
        case _:
            return str(value)


class LLMIntegrationError(PolarisException):  # type: ignore[misc, unused-ignore]  # its type is unknown outside POLARIS
    """The root of all errors of this package."""

    code: ClassVar[str] = "LLM_INTEGRATION_ERROR"
    retryable: bool = False
    """Whether the same call may succeed if it is simply made again."""
    retry_after: float | None = None
    """Seconds to wait before that, when somebody said so."""

    def __init__(
        self,
        message: str,
        provider: str | None = None,
        model_name: str | None = None,
        *,
        context: dict[str, Any] | None = None,  # JSON, fixed by the contract
        error_code: str | None = None,
        cause: BaseException | None = None,
        correlation_id: str | None = None,
    ) -> None:
        super().__init__(message, error_code or self.code, dict(context or {}), cause, correlation_id)
        self._note(provider=provider, model_name=model_name)

    def _note(self, **facts: Any) -> None:  # any JSON value
        self.context.update({key: value for key, value in facts.items() if value})

    def _state(self) -> dict[str, Any]:  # the instance's own attributes
        state = {**self.__dict__, "context": _as_json(self.context)}
        state["cause"] = None if self.cause is None else RemoteCause.of(self.cause).args
        return state

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.args, self._state())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LLMIntegrationError) and type(self) is type(other) and self._state() == other._state()

    def __hash__(self) -> int:
        return hash((type(self), self.message, self.correlation_id))

    def __str__(self) -> str:
        return str(self.message)


def _revive(cls: type[LLMIntegrationError], args: tuple[Any, ...], state: dict[str, Any]) -> LLMIntegrationError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    if state["cause"] is not None:
        error.cause = RemoteCause(*state["cause"])
    return error


RETRYABLE_STATUS = frozenset({408, 409, 429})


class LLMAPIError(LLMIntegrationError):
    """The provider answered with an error, or not at all."""

    code = "LLM_API_ERROR"

    def __init__(
        self,
        message: str,
        status_code: int | None = None,
        api_endpoint: str | None = None,
        request_id: str | None = None,
        *,
        retry_after: float | None = None,
        retryable: bool | None = None,
        **common: Any,  # LLMIntegrationError's keywords
    ) -> None:
        super().__init__(message, **common)
        self._note(status_code=status_code, api_endpoint=api_endpoint, request_id=request_id, retry_after=retry_after)
        self.status_code = status_code
        self.retry_after = retry_after
        by_status = status_code is not None and (status_code in RETRYABLE_STATUS or status_code >= 500)
        self.retryable = (type(self).retryable or by_status) if retryable is None else retryable


class LLMConnectionError(LLMAPIError):
    """The provider could not be reached, or the connection broke."""

    code = "LLM_CONNECTION_ERROR"
    retryable = True


class LLMTimeoutError(LLMAPIError):
    """The provider did not answer in time."""

    code = "LLM_TIMEOUT_ERROR"
    retryable = True

    def __init__(self, message: str, timeout_seconds: float | None = None, **rest: Any) -> None:  # LLMAPIError's keywords
        super().__init__(message, **rest)
        self._note(timeout_seconds=timeout_seconds)


class LLMRateLimitError(LLMAPIError):
    """The provider's rate limit was met; `retry_after` says for how many seconds, when known."""

    code = "LLM_RATE_LIMIT_ERROR"
    retryable = True

    def __init__(self, message: str, retry_after: float | None = None, **rest: Any) -> None:  # LLMAPIError's keywords
        super().__init__(message, retry_after=retry_after, **rest)


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

    code = "UNEXPECTED_ERROR"

    @classmethod
    def of(cls, error: BaseException) -> "UnexpectedError":
        """Wrap a foreign exception."""
        return cls(f"{type(error).__name__}: {error}", cause=RemoteCause.of(error))
