"""Google's errors: a google.rpc.Status, in a list when it was to be a stream, put into what `api_errors.py` reads. No I/O.

Source: https://cloud.google.com/apis/design/errors; the limits: https://ai.google.dev/gemini-api/docs/rate-limits.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..exceptions import LLMAPIError
from .api_errors import api_error
from .exchange import HttpCall, HttpReply

Wire = dict[str, Any]  # JSON of the wire

_RETRY_IN = re.compile(r"retry in (\d+(?:\.\d+)?)\s*(ms|s)\b", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)s")


def google_error(call: HttpCall, reply: HttpReply, payload: Wire | None = None) -> LLMAPIError:
    """The error that a reply means; `payload` is the error in it, when that is known."""
    status = payload or next(errors_in(reply.body), None)
    if status is None:
        return api_error(call, reply)
    headers = reply.headers
    seconds = retry_delay_s(status)
    if seconds is not None and "retry-after" not in headers:
        headers = {**headers, "retry-after": str(seconds)}
    return api_error(call, replace(reply, headers=headers, body=json.dumps(status).encode()))


def errors_in(body: bytes) -> Iterator[Wire]:
    """The payloads of a body that tell of an error."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # not JSON, or nested beyond sense
        return
    for payload in document if isinstance(document, list) else [document]:
        if isinstance(payload, dict) and payload.get("error"):
            yield payload


def retry_delay_s(payload: Wire) -> float | None:
    """Seconds until the limit allows the next call: RetryInfo has them rounded down, the message whole."""
    told = [seconds for detail in details(payload, "RetryInfo") if (seconds := _duration(detail.get("retryDelay"))) is not None]
    error = payload.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    if isinstance(message, str) and (found := _RETRY_IN.search(message)):
        told.append(float(found[1]) / (1000 if found[2].lower() == "ms" else 1))
    return max(told, default=None)


def details(payload: Wire, kind: str) -> Iterator[Mapping[str, Any]]:
    """The error's details of one kind of google.rpc."""
    error = payload.get("error")
    listed = error.get("details") if isinstance(error, dict) else None
    for detail in listed if isinstance(listed, list) else ():
        if isinstance(detail, dict) and str(detail.get("@type", "")).endswith(f"google.rpc.{kind}"):
            yield detail


def _duration(text: object) -> float | None:
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    return float(match[1]) if match else None
