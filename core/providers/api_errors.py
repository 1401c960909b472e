"""The typed error of a refusing reply: by the provider's word for it, then by the status, whatever shape the body has. For all codecs.

A codec whose API spells its errors in a way of its own passes a `Dialect`; which word and which status mean which error stands here only.
"""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

from ..canonical import is_too_deep
from ..exceptions import (
    LLMAPIError,
    LLMAuthenticationError,
    LLMBadRequestError,
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
from .exchange import PROVIDER_REQUEST_ID, HttpCall, HttpReply
from .prompt_echoes import without_prompt
from .rate_limits import RATE_LIMITS, RateLimits, read_rate_limits
from .retry_hints import retry_after_s, should_retry

MAX_MESSAGE_CHARS = 500
"""Of the provider's own words, in an error's message."""

_BY_WORD: Mapping[str, type[LLMAPIError]] = {
    "authentication_error": LLMAuthenticationError,
    "invalid_api_key": LLMAuthenticationError,
    "api_key_invalid": LLMAuthenticationError,
    "unauthenticated": LLMAuthenticationError,
    "permission_error": LLMPermissionError,
    "permission_denied": LLMPermissionError,
    "permissiondenied": LLMPermissionError,
    "not_found_error": LLMNotFoundError,
    "not_found": LLMNotFoundError,
    "model_not_found": LLMNotFoundError,
    "deploymentnotfound": LLMNotFoundError,
    "context_length_exceeded": LLMContextWindowError,
    "exceed_context_size_error": LLMContextWindowError,
    "content_filter": LLMContentFilterError,
    "content_policy_violation": LLMContentFilterError,
    "insufficient_quota": LLMQuotaExceededError,
    "daily_quota": LLMQuotaExceededError,
    "billing_error": LLMQuotaExceededError,
    "billing_hard_limit_reached": LLMQuotaExceededError,
    "billing_not_active": LLMQuotaExceededError,
    "rate_limit_error": LLMRateLimitError,
    "rate_limit_exceeded": LLMRateLimitError,
    "resource_exhausted": LLMRateLimitError,
    "overloaded_error": LLMOverloadedError,
    "server_overloaded": LLMOverloadedError,
    "unavailable": LLMOverloadedError,
    "timeout_error": LLMTimeoutError,
    "deadline_exceeded": LLMTimeoutError,
}
_BY_PHRASE: tuple[tuple[re.Pattern[str], type[LLMAPIError]], ...] = (
    (
        re.compile(r"context (?:length|window|size)|maximum context|prompt is too long|input token count.*exceeds", re.I),
        LLMContextWindowError,
    ),
    (re.compile(r"content (?:management )?(?:policy|filter)|flagged as potentially", re.I), LLMContentFilterError),
    (re.compile(r"credit balance|insufficient balance|exceeded your current quota", re.I), LLMQuotaExceededError),
)
"""What servers say that have no word for it; only where the request itself was refused."""
_BY_STATUS: Mapping[int, type[LLMAPIError]] = {
    400: LLMBadRequestError,
    401: LLMAuthenticationError,
    402: LLMQuotaExceededError,
    403: LLMPermissionError,
    404: LLMNotFoundError,
    408: LLMTimeoutError,
    413: LLMBadRequestError,
    422: LLMBadRequestError,
    429: LLMRateLimitError,
    503: LLMOverloadedError,
    504: LLMTimeoutError,
    529: LLMOverloadedError,
}
_IN_DISGUISE: Mapping[str, type[LLMAPIError]] = {
    "invalid_request_error": LLMBadRequestError,
    "invalid_argument": LLMBadRequestError,
    "api_error": LLMServerError,
    "server_error": LLMServerError,
    "internal_server_error": LLMServerError,
    "internal": LLMServerError,
}
"""Words too general to overrule a status, for errors that come under a status of success, as those in a stream do."""
_REFUSED = (LLMBadRequestError, LLMAuthenticationError, LLMPermissionError, LLMNotFoundError, LLMQuotaExceededError)
"""What stays as it is, however often it is tried."""
_OF_A_LIMIT = frozenset({"requests", "tokens", "input_tokens", "output_tokens"})
"""OpenAI's types of a 429."""

_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_MESSAGE_KEYS = ("error", "message", "detail", "details", "msg", "errors", "error_description", "title")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorWords:
    """What a provider says of an error, in its own words."""

    kinds: tuple[str, ...] = ()
    """Its codes and types for it, the most telling first."""
    message: str = ""
    limit: str | None = None
    """The limit that was met."""
    retry_after_s: float | None = None
    """Seconds to wait, where the body says so and no header does."""


class Dialect(Protocol):
    """How one API spells its errors."""

    def __call__(self, payload: object) -> ErrorWords:
        """The words in an error body's JSON, which may have any shape; None stands for a body that is no JSON."""
        ...


def usual_words(payload: object) -> ErrorWords:
    """The words of most APIs: `error` with `code`, `type` or `status`, and a message somewhere."""
    error = payload.get("error") if isinstance(payload, dict) else None
    found = [error.get(key) for key in ("code", "type", "status")] if isinstance(error, dict) else []
    kinds = tuple(str(kind) for kind in found if kind)
    return ErrorWords(kinds=kinds, message=provider_message(payload), limit=next((kind for kind in kinds if kind in _OF_A_LIMIT), None))


def api_error(call: HttpCall, reply: HttpReply, dialect: Dialect = usual_words) -> LLMAPIError:
    """The error that a reply means, or that an event of a stream means under the stream's own status."""
    reply = replace(reply, body=call.scrubbed(reply.text).encode())  # a server may repeat the key anywhere
    payload = _json(call, reply.text)
    words = dialect(payload)
    reason = _bounded(without_prompt(call.scrubbed(_reason(reply, payload, words)), call.request))
    answered = f"answered {reply.status}" if reply.status >= 300 else "answered with an error"
    error_class = _class_of(reply.status, words)
    limits = read_rate_limits(reply.headers, reply.received_at)
    rest: dict[str, Any] = {  # keywords of LLMAPIError
        **call.facts,
        "status_code": reply.status,
        "retry_after": _wait_s(reply, words, limits, error_class),
        "retryable": _retryable(reply, error_class),
        "context": _context(reply, words, limits),
    }
    if issubclass(error_class, LLMRateLimitError):
        spent = limits.spent if limits else None
        rest["limit"] = words.limit or (spent.name if spent else None)
    return error_class(f"{call.provider} {answered} for model {call.request.model!r}: {reason}", **rest)


def error_code(payload: object) -> str | None:
    """The provider's own code for what went wrong."""
    return next(iter(usual_words(payload).kinds), None)


def provider_message(payload: object) -> str:
    """The provider's words in an error body's JSON, wherever they stand; empty when there are none."""
    match payload:
        case str():
            return payload
        case list():
            return next((found for item in payload if (found := provider_message(item))), "")
        case dict():
            return next((found for key in _MESSAGE_KEYS if (found := provider_message(payload.get(key)))), "")
        case _:
            return ""


def _class_of(status: int, words: ErrorWords) -> type[LLMAPIError]:
    kinds = [kind.lower() for kind in words.kinds]
    by_word = next((_BY_WORD[kind] for kind in kinds if kind in _BY_WORD), None)
    if by_word is not None and by_word is not LLMRateLimitError:
        return by_word
    by_status = by_word or _BY_STATUS.get(status, LLMServerError if status >= 500 else LLMAPIError)
    if status < 300 and by_word is None:
        by_status = next((_IN_DISGUISE[kind] for kind in kinds if kind in _IN_DISGUISE), by_status)
    if by_word is None and status in (400, 413, 422, 429):
        return next((error_class for phrase, error_class in _BY_PHRASE if phrase.search(words.message)), by_status)
    return by_status


def _context(reply: HttpReply, words: ErrorWords, limits: RateLimits | None) -> dict[str, Any]:  # JSON
    context = {"provider_code": next(iter(words.kinds), None), PROVIDER_REQUEST_ID: reply.request_id}
    told = {name: value for name, value in context.items() if value}
    return {**told, RATE_LIMITS: limits.as_json()} if limits else told


def _wait_s(reply: HttpReply, words: ErrorWords, limits: RateLimits | None, error_class: type[LLMAPIError]) -> float | None:
    told = retry_after_s(reply)
    if told is None:
        told = words.retry_after_s
    if told is None and issubclass(error_class, LLMRateLimitError) and limits and limits.spent:
        told = limits.spent.reset_s
    return told


def _retryable(reply: HttpReply, error_class: type[LLMAPIError]) -> bool | None:
    if issubclass(error_class, LLMQuotaExceededError):
        return False
    claim = should_retry(reply)
    return False if claim is None and issubclass(error_class, _REFUSED) else claim


def _reason(reply: HttpReply, payload: object, words: ErrorWords) -> str:
    location = reply.headers.get("location")
    if 300 <= reply.status < 400 and location:
        place = urlsplit(location).netloc.rpartition("@")[2] or "another path"
        return f"a redirect to {place}, which is not followed; set the endpoint to where the API is"
    return words.message or ("" if payload is not None else _plain(reply.text)) or _phrase(reply.status)


def _bounded(words: str) -> str:
    return words if len(words) <= MAX_MESSAGE_CHARS else f"{words[:MAX_MESSAGE_CHARS]}…"


def _json(call: HttpCall, text: str) -> object:
    """The JSON of a text, also without a key that was escaped in it; None for what is none, or is nested beyond sense."""
    try:
        payload = json.loads(text)
        return None if is_too_deep(payload) else json.loads(call.scrubbed(json.dumps(payload, ensure_ascii=False)))
    except (ValueError, RecursionError):
        return None


def _plain(text: str) -> str:
    return " ".join(html.unescape(_TAGS.sub(" ", text[:5_000])).split())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"
