"""What a refusal of Anthropic's means: who must act, and whether waiting helps."""

import json
from typing import Any

import pytest
from hypothesis import given

from polaris_llm.core.exceptions import (
    LLMAPIError,
    LLMAuthenticationError,
    LLMBadRequestError,
    LLMContextWindowError,
    LLMNotFoundError,
    LLMOverloadedError,
    LLMPermissionError,
    LLMQuotaExceededError,
    LLMRateLimitError,
    LLMServerError,
    LLMTimeoutError,
)
from polaris_llm.core.providers.anthropic_errors import error_words
from polaris_llm.core.providers.exchange import HttpReply
from support.anthropic_messages import CALL, CODEC
from support.model_strategies import JSON_VALUES


def error_of(status: int, kind: str, message: str = "no", headers: Any = None, **details: Any) -> LLMAPIError:
    payload = {"type": "error", "error": {"type": kind, "message": message, "details": details or None}, "request_id": "req_1"}
    body = json.dumps(payload).encode()
    return CODEC.decode_error(CALL, HttpReply(status=status, headers=headers or {}, body=body, received_at=0.0))


@pytest.mark.parametrize(
    ("status", "kind", "error_class", "retryable"),
    [
        (400, "invalid_request_error", LLMBadRequestError, False),
        (401, "authentication_error", LLMAuthenticationError, False),
        (402, "billing_error", LLMQuotaExceededError, False),
        (403, "permission_error", LLMPermissionError, False),
        (404, "not_found_error", LLMNotFoundError, False),
        (413, "request_too_large", LLMBadRequestError, False),
        (429, "rate_limit_error", LLMRateLimitError, True),
        (500, "api_error", LLMServerError, True),
        (504, "timeout_error", LLMTimeoutError, True),
        (529, "overloaded_error", LLMOverloadedError, True),
    ],
)
def test_every_kind_of_error_says_who_must_act(status: int, kind: str, error_class: type[LLMAPIError], retryable: bool) -> None:
    error = error_of(status, kind)

    assert type(error) is error_class
    assert error.retryable == retryable
    assert str(error) == f"anthropic answered {status} for model 'a-model': no"


@pytest.mark.parametrize(
    ("status", "message", "details"),
    [
        (429, "You have reached your monthly limit.", {"error_code": "enforced_spend_limit_reached"}),
        (400, "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.", {}),
        (400, "Your credit balance is too low to access the Anthropic API.", {}),
    ],
)
def test_a_spend_limit_is_not_waited_for(status: int, message: str, details: dict[str, str]) -> None:
    error = error_of(status, "rate_limit_error" if status == 429 else "invalid_request_error", message, **details)

    assert isinstance(error, LLMQuotaExceededError)
    assert not error.retryable


@pytest.mark.parametrize(
    "message",
    ["prompt is too long: 208310 tokens > 200000 maximum", "input length and `max_tokens` exceed context limit: 199000 + 8000 > 200000"],
)
def test_a_prompt_too_long_is_told_from_other_bad_requests(message: str) -> None:
    assert type(error_of(400, "invalid_request_error", message)) is LLMContextWindowError


def test_a_rate_limit_says_which_and_until_when() -> None:
    headers = {
        "retry-after": "7",
        "anthropic-ratelimit-input-tokens-limit": "40000",
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "request-id": "req_1",
    }

    error = error_of(429, "rate_limit_error", "This request would exceed your rate limit of 40,000 input tokens per minute.", headers)

    assert isinstance(error, LLMRateLimitError)
    assert (error.limit, error.retry_after) == ("input-tokens", 7)
    assert error.context["provider_request_id"] == "req_1"


def test_the_most_telling_code_is_kept() -> None:
    assert error_of(429, "rate_limit_error", error_code="ramp_limit_exceeded").context["provider_code"] == "ramp_limit_exceeded"


@given(JSON_VALUES)
def test_a_body_of_any_shape_has_words(value: Any) -> None:
    for payload in (value, {"error": value}, {"error": {"details": value, "type": value, "message": value}}):
        assert all(isinstance(kind, str) for kind in error_words(payload).kinds)
