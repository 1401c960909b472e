"""The provider's errors, by who must act. `exceptions.py` has the tree, and `providers/api_errors.py` says which reply is which."""

from typing import Any

from .error_base import LLMIntegrationError

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

    @property
    def provider(self) -> str | None:
        """Who was asked."""
        provider: str | None = self.context.get("provider")
        return provider

    @property
    def model_name(self) -> str | None:
        """Which model was asked."""
        model_name: str | None = self.context.get("model_name")
        return model_name

    @property
    def request_id(self) -> str | None:
        """Our own id of the request; the provider's, where it told one, is `context["provider_request_id"]`."""
        request_id: str | None = self.context.get("request_id")
        return request_id


class LLMAuthenticationError(LLMAPIError):
    """The provider does not know the key: give another one."""

    code = "LLM_AUTHENTICATION_ERROR"


class LLMPermissionError(LLMAPIError):
    """The key is known but may not do this: its owner must allow it."""

    code = "LLM_PERMISSION_ERROR"


class LLMNotFoundError(LLMAPIError):
    """There is no such model, deployment or path: check the model's name and the endpoint."""

    code = "LLM_NOT_FOUND_ERROR"


class LLMBadRequestError(LLMAPIError):
    """The provider does not take the request as it is; its own words say why."""

    code = "LLM_BAD_REQUEST_ERROR"


class LLMContextWindowError(LLMBadRequestError):
    """The messages, or they and the answer's limit, are longer than the model's context window: shorten them."""

    code = "LLM_CONTEXT_WINDOW_ERROR"


class LLMContentFilterError(LLMBadRequestError):
    """The provider's rules forbid the prompt or its answer."""

    code = "LLM_CONTENT_FILTER_ERROR"


class LLMOverloadedError(LLMAPIError):
    """The provider has more work than it can do at present."""

    code = "LLM_OVERLOADED_ERROR"
    retryable = True


class LLMServerError(LLMAPIError):
    """The provider itself broke."""

    code = "LLM_SERVER_ERROR"
    retryable = True


class LLMConnectionError(LLMAPIError):
    """The provider could not be reached, or the connection broke."""

    code = "LLM_CONNECTION_ERROR"
    retryable = True


class LLMTimeoutError(LLMAPIError):
    """The provider did not answer in time; `phase` says which wait was too long: connect, read, first_byte, idle, total, or its own."""

    code = "LLM_TIMEOUT_ERROR"
    retryable = True

    def __init__(self, message: str, timeout_seconds: float | None = None, *, phase: str | None = None, **rest: Any) -> None:  # as above
        super().__init__(message, **rest)
        self._note(timeout_seconds=timeout_seconds, phase=phase)
        self.phase = phase


class LLMRateLimitError(LLMAPIError):
    """The provider's rate limit was met; `retry_after` says for how many seconds, and `limit` which one it was, when known."""

    code = "LLM_RATE_LIMIT_ERROR"
    retryable = True

    def __init__(self, message: str, retry_after: float | None = None, *, limit: str | None = None, **rest: Any) -> None:  # as above
        super().__init__(message, retry_after=retry_after, **rest)
        self._note(limit=limit)
        self.limit = limit


class LLMQuotaExceededError(LLMRateLimitError):
    """What was paid for, or allowed, is used up: waiting does not help, its owner must act."""

    code = "LLM_QUOTA_EXCEEDED_ERROR"
    retryable = False

    def __init__(self, message: str, retry_after: float | None = None, *, retryable: bool | None = None, **rest: Any) -> None:  # as above
        super().__init__(message, retry_after, retryable=bool(retryable), **rest)
