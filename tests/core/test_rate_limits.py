"""What providers say of their rate limits, as one value."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.providers.rate_limits import RATE_LIMITS, RateLimit, RateLimits, read_rate_limits

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC).timestamp()


def test_openais_headers_are_read() -> None:
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
        "x-request-id": "req_1",
    }

    assert read_rate_limits(headers, NOW) == RateLimits(
        limits=(
            RateLimit(name="requests", limit=60, remaining=59, reset_s=1.0),
            RateLimit(name="tokens", limit=150000, remaining=149984, reset_s=360.0),
        )
    )


def test_anthropics_headers_are_read() -> None:
    headers = {
        "anthropic-ratelimit-input-tokens-limit": "40000",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "2026-11-23T09:00:30Z",
        "anthropic-ratelimit-requests-remaining": "4",
    }

    limits = read_rate_limits(headers, NOW)

    assert limits is not None
    assert limits.spent == RateLimit(name="input-tokens", limit=40000, remaining=0, reset_s=30.0)
    assert RateLimit(name="requests", remaining=4) in limits.limits


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("1d", 86400.0),
        ("7", 7.0),
        (str(int(NOW) + 9), 9.0),
        (str((int(NOW) + 9) * 1000), 9.0),
        ("2026-11-23T08:00:00Z", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_the_time_until_a_limit_is_full_again_is_read_in_every_form(text: str, seconds: float | None) -> None:
    limits = read_rate_limits({"x-ratelimit-limit": "5", "x-ratelimit-reset": text}, NOW)

    assert limits == RateLimits(limits=(RateLimit(name="requests", limit=5, reset_s=seconds),))


@pytest.mark.parametrize("headers", [{}, {"x-ratelimit-limit-requests": "many"}, {"retry-after": "3"}])
def test_without_such_headers_there_is_no_value(headers: dict[str, str]) -> None:
    assert read_rate_limits(headers, NOW) is None


NAMES = st.sampled_from(["requests", "tokens", "input-tokens"])
COUNTS = st.none() | st.integers(0, 10**9)


@given(st.lists(st.builds(RateLimit, name=NAMES, limit=COUNTS, remaining=COUNTS), unique_by=lambda limit: limit.name))
def test_the_value_survives_as_metadata(limits: list[RateLimit]) -> None:
    value = RateLimits(limits=tuple(limits))

    assert RateLimits.of({RATE_LIMITS: value.as_json()}) == value
    assert RateLimits.of({}) is None


HEADERS = st.sampled_from(["x-ratelimit-reset", "x-ratelimit-limit-tokens", "anthropic-ratelimit-x-reset"])


@given(st.dictionaries(HEADERS, st.text(max_size=30)))
def test_no_header_is_too_odd(headers: dict[str, str]) -> None:
    limits = read_rate_limits(headers, NOW)

    assert limits is None or all((each.reset_s or 0) >= 0 for each in limits.limits)
