"""What the headers of a refusing reply say of trying again: whether, and after how long."""

import math
from email.utils import parsedate_to_datetime

from .exchange import HttpReply


def should_retry(reply: HttpReply) -> bool | None:
    """The server's own claim, x-should-retry; None when it makes none."""
    return {"true": True, "false": False}.get(reply.headers.get("x-should-retry", "").lower())


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
