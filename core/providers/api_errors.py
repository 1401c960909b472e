"""The typed error of a refusing reply: status first, whatever shape the body has. For all HTTP codecs."""

import html
import json
import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from ..exceptions import LLMAPIError, LLMRateLimitError
from .exchange import HttpCall, HttpReply

MAX_MESSAGE_CHARS = 500
"""Of the provider's own words, in an error's message."""
OUT_OF_FUNDS = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
"""Codes of a 429 that waiting does not mend."""

_TAGS = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_MESSAGE_KEYS = ("error", "message", "detail", "details", "msg", "errors", "error_description", "title")


def api_error(call: HttpCall, reply: HttpReply) -> LLMAPIError:
    """The error that a reply means."""
    payload = _json(reply.body)
    code = error_code(payload)
    reason = _bounded(call.scrubbed(_reason(reply, payload)))
    message = f"{call.provider} answered {reply.status} for model {call.request.model!r}: {reason}"
    rest: dict[str, Any] = {  # keywords of LLMAPIError
        **call.facts,
        "status_code": reply.status,
        "retry_after": retry_after_s(reply),
        "retryable": _retryable(reply, code),
        "context": {"provider_code": code} if code else None,
    }
    return LLMRateLimitError(message, **rest) if reply.status == HTTPStatus.TOO_MANY_REQUESTS else LLMAPIError(message, **rest)


def error_code(payload: object) -> str | None:
    """The provider's own code for what went wrong."""
    error = payload.get("error") if isinstance(payload, dict) else None
    if not isinstance(error, dict):
        return None
    return next((str(error[key]) for key in ("code", "type", "status") if error.get(key)), None)


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


def retry_after_s(reply: HttpReply) -> float | None:
    """Seconds to wait, from retry-after-ms or Retry-After (RFC 9110, 10.2.3: seconds or a date)."""
    milliseconds = _seconds(reply.headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = reply.headers.get("retry-after")
    seconds = _seconds(text)
    if seconds is not None:
        return seconds
    until = _timestamp(text)
    if until is None:
        return None
    sent_at = _timestamp(reply.headers.get("date"))  # the server's clock, not ours, made that date
    return max(0.0, until - (reply.received_at if sent_at is None else sent_at))


def _retryable(reply: HttpReply, code: str | None) -> bool | None:
    if code in OUT_OF_FUNDS:
        return False
    return _CLAIMS.get(reply.headers.get("x-should-retry", "").lower())


_CLAIMS: Mapping[str, bool] = {"true": True, "false": False}


def _reason(reply: HttpReply, payload: object) -> str:
    location = reply.headers.get("location")
    if 300 <= reply.status < 400 and location:
        return f"a redirect to {urlsplit(location).netloc or 'another path'}, which is not followed; set the endpoint to where the API is"
    return provider_message(payload) or ("" if payload is not None else _plain(reply.text)) or _phrase(reply.status)


def _bounded(words: str) -> str:
    return words if len(words) <= MAX_MESSAGE_CHARS else f"{words[:MAX_MESSAGE_CHARS]}…"


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # not JSON, or nested beyond sense
        return None


def _plain(text: str) -> str:
    return " ".join(html.unescape(_TAGS.sub(" ", text[:5_000])).split())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no reason given"


def _seconds(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _timestamp(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text or "").timestamp()
    except (ValueError, OverflowError):
        return None
