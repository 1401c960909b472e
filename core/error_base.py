"""What all errors of the package share: the root, how they cross processes, and how logs see them. `exceptions.py` has the tree."""

import math
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import JsonValue

UNEXPECTED = "UNEXPECTED_ERROR"
"""The code of foreign errors."""

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
        return cls(type=type(error).__name__, code=UNEXPECTED, message=str(error), context={})


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
