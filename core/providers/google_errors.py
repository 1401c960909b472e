"""Google's errors: how a google.rpc.Status says what went wrong, alone or in the list that a stream would have been. No I/O.

Source: https://cloud.google.com/apis/design/errors; the limits: https://ai.google.dev/gemini-api/docs/rate-limits.
"""

import json
import re
from collections.abc import Iterator

from .api_errors import ErrorWords, provider_message
from .wire_values import Wire

DAILY_QUOTA = "daily_quota"
"""Our word for a limit of the day, which Google tells from one of the minute only by the limit's name."""

_RETRY_IN = re.compile(r"retry in (\d+(?:\.\d+)?)(ms|s)\b", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)s")


def google_words(payload: object) -> ErrorWords:
    """The words of an error body; satisfies Dialect."""
    status = next(_errors(payload), None)
    if status is None:
        return ErrorWords(message=provider_message(payload))
    limits = [str(violation.get("quotaId", "")) for detail in _details(status, "QuotaFailure") for violation in _violations(detail)]
    daily = next((limit for limit in limits if "PerDay" in limit), None)
    reasons = [detail.get("reason") for detail in _details(status, "ErrorInfo")]
    kinds = (DAILY_QUOTA if daily else None, *reasons, status.get("status"))
    return ErrorWords(
        kinds=tuple(kind for kind in kinds if isinstance(kind, str) and kind),
        message=provider_message(status),
        limit=daily or next(filter(None, limits), None),
        retry_after_s=None if daily else _wait_s(status),  # what is told of a day's limit is not when the next day begins
    )


def errors_in(body: bytes) -> Iterator[Wire]:
    """The payloads of a body that tell of an error."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # not JSON, or nested beyond sense
        return
    for payload in document if isinstance(document, list) else [document]:
        if isinstance(payload, dict) and payload.get("error"):
            yield payload


def _errors(payload: object) -> Iterator[Wire]:
    for each in payload if isinstance(payload, list) else [payload]:
        error = each.get("error") if isinstance(each, dict) else None
        if isinstance(error, dict):
            yield error


def _wait_s(status: Wire) -> float | None:
    """Seconds until the limit allows the next call: RetryInfo has them rounded down, the message whole."""
    told = [float(match[1]) for detail in _details(status, "RetryInfo") if (match := _DURATION.fullmatch(str(detail.get("retryDelay"))))]
    if match := _RETRY_IN.search(provider_message(status)):
        told.append(float(match[1]) / (1000 if match[2].lower() == "ms" else 1))
    return max(told, default=None)


def _details(status: Wire, kind: str) -> Iterator[Wire]:
    """The details of one kind of google.rpc."""
    listed = status.get("details")
    for detail in listed if isinstance(listed, list) else ():
        if isinstance(detail, dict) and str(detail.get("@type")).endswith(f"google.rpc.{kind}"):
            yield detail


def _violations(detail: Wire) -> list[Wire]:
    listed = detail.get("violations")
    return [violation for violation in listed if isinstance(violation, dict)] if isinstance(listed, list) else []
