"""What a provider says of its rate limits in the headers of every answer, as one value, whatever its names for them are.

Sources: https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers, https://docs.anthropic.com/en/api/rate-limits#response-headers.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import JsonValue

RATE_LIMITS = "rate_limits"
"""Where they stand in a response's metadata and in an error's context."""

_KIND = "(?P<{}>limit|remaining|reset)"
_NAME = re.compile(rf"(?:x|anthropic)-ratelimit-(?:{_KIND.format('kind')}(?:-(?P<of>.+))?|(?P<by>.+)-{_KIND.format('what')})")
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_SECONDS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_FIRST_TIMESTAMP = 1e9
"""A number of seconds as large as this is a date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """One limit: how much it allows, how much of that is left, and in how many seconds all of it is there again."""

    name: str
    """What is counted: requests, tokens, input-tokens, output-tokens or the like."""
    limit: int | None = None
    remaining: int | None = None
    reset_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """All limits that one answer told of."""

    limits: tuple[RateLimit, ...]

    @property
    def spent(self) -> RateLimit | None:
        """The limit that nothing is left of; of several the one that takes longest."""
        spent = [limit for limit in self.limits if limit.remaining == 0]
        return max(spent, key=lambda limit: limit.reset_s or 0.0, default=None)

    def as_json(self) -> dict[str, JsonValue]:
        """The limits by name."""
        return {each.name: {"limit": each.limit, "remaining": each.remaining, "reset_s": each.reset_s} for each in self.limits}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "RateLimits | None":  # metadata or context: JSON
        """The limits in a response's metadata or an error's context, if there are any."""
        limits = told.get(RATE_LIMITS)
        return cls(limits=tuple(RateLimit(name=name, **facts) for name, facts in limits.items())) if isinstance(limits, dict) else None


def read_rate_limits(headers: Mapping[str, str], received_at: float) -> RateLimits | None:
    """The limits that headers tell of (names in lower case); `received_at` is in seconds since 1970-01-01 UTC."""
    found: dict[str, dict[str, Any]] = {}
    for header, text in headers.items():
        match = _NAME.fullmatch(header) if "ratelimit" in header else None
        if match is not None:
            kind = match["kind"] or match["what"]
            value = _reset_s(text, received_at) if kind == "reset" else _count(text)
            if value is not None:
                found.setdefault(match["of"] or match["by"] or "requests", {})[kind if kind != "reset" else "reset_s"] = value
    return RateLimits(limits=tuple(RateLimit(name=name, **facts) for name, facts in found.items())) if found else None


def _count(text: str) -> int | None:
    number = _number(text)
    return None if number is None else int(number)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _reset_s(text: str, received_at: float) -> float | None:
    """Seconds from a number of them, a duration such as 6m0s, a Unix time in seconds or milliseconds, or a date of RFC 3339."""
    number = _number(text)
    if number is not None:
        until = number / 1000 if number >= 1000 * _FIRST_TIMESTAMP else number
        return max(0.0, until - received_at) if until >= _FIRST_TIMESTAMP else number
    match = _DURATION.fullmatch(text.strip())
    if match is not None and any(match.groups()):
        return _total(match.groups())
    try:
        return max(0.0, datetime.fromisoformat(text.strip()).timestamp() - received_at)
    except (ValueError, OverflowError):
        return None


def _total(parts: Iterable[str | None]) -> float:
    return sum(float(part or 0) * seconds for part, seconds in zip(parts, _SECONDS, strict=True))
