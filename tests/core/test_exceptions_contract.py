"""The errors' signatures and attributes are those that POLARIS relies on."""

import re
from typing import Any

import pytest

from polaris_llm.core.exceptions import (
    ActorError,
    JournalConflictError,
    LLMAPIError,
    LLMConfigurationError,
    LLMConnectionError,
    LLMIntegrationError,
    LLMRateLimitError,
    LLMResponseParsingError,
    LLMTimeoutError,
    LLMToolError,
    OutcomeUnknownError,
    PolarisException,
    RateLimitExceededError,
    SessionError,
)
from support.errors import EVERY_CLASS, bare, full

each_class = pytest.mark.parametrize("error_class", EVERY_CLASS)


@pytest.mark.parametrize(
    ("error", "code", "context"),
    [
        (LLMIntegrationError("m", "p", "n"), "LLM_INTEGRATION_ERROR", {"provider": "p", "model_name": "n"}),
        (LLMAPIError("m", 418, "e", "r"), "LLM_API_ERROR", {"status_code": 418, "api_endpoint": "e", "request_id": "r"}),
        (LLMTimeoutError("m", 3.0), "LLM_TIMEOUT_ERROR", {"timeout_seconds": 3.0}),
        (LLMRateLimitError("m", 4.0), "LLM_RATE_LIMIT_ERROR", {"retry_after": 4.0}),
        (
            LLMResponseParsingError("m", "c", "JSON", ["v"]),
            "LLM_RESPONSE_PARSING_ERROR",
            {"response_content": "c", "expected_format": "JSON", "validation_errors": ["v"]},
        ),
        (LLMToolError("m", "t", "i", {"a": 1}), "LLM_TOOL_ERROR", {"tool_name": "t", "tool_call_id": "i", "tool_parameters": {"a": 1}}),
        (LLMConfigurationError("m", "k", "v"), "LLM_CONFIGURATION_ERROR", {"config_key": "k", "config_value": "v"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_the_contracts_positional_arguments_land_in_the_context(error: LLMIntegrationError, code: str, context: dict[str, Any]) -> None:
    assert isinstance(error, PolarisException)
    assert (error.error_code, error.context) == (code, context)


@each_class
def test_what_was_not_said_is_not_in_the_context(error_class: type[LLMIntegrationError]) -> None:
    assert bare(error_class).context.keys() <= {"retry_after", "limit_type"}


@pytest.mark.parametrize("error_class", [LLMTimeoutError, LLMRateLimitError, LLMConnectionError])
def test_the_api_errors_are_caught_as_one_family(error_class: type[LLMAPIError]) -> None:
    assert issubclass(error_class, LLMAPIError)


def test_every_class_takes_the_roots_keywords_but_the_limiters() -> None:
    for error_class in set(EVERY_CLASS) - {RateLimitExceededError}:
        error = full(error_class)
        assert (error.context["provider"], error.context["model_name"], error.context["attempt"]) == ("mock", "mock-model", 2)


def test_an_error_code_and_a_correlation_id_may_be_given() -> None:
    error = LLMAPIError("m", error_code="MINE", correlation_id="id-1")

    assert (error.error_code, error.correlation_id) == ("MINE", "id-1")


def test_a_correlation_id_is_made_when_none_is_given() -> None:
    assert re.fullmatch(r"[0-9a-f-]{36}", LLMIntegrationError("m").correlation_id)


def test_a_limiters_refusal_has_its_attributes_and_is_ours() -> None:
    error = RateLimitExceededError("slow down", 1.5, "requests_per_minute")

    assert (error.retry_after, error.limit_type) == (1.5, "requests_per_minute")
    assert isinstance(error, LLMIntegrationError)


def test_a_rate_limit_has_its_wait_as_an_attribute() -> None:
    assert LLMRateLimitError("slow down", 7.0).retry_after == 7.0


def test_the_first_500_characters_of_a_bad_answer_are_kept() -> None:
    assert LLMResponseParsingError("bad", "x" * 501).context["response_content"] == "x" * 500


@pytest.mark.parametrize(
    ("status", "retryable"), [(408, True), (409, True), (429, True), (500, True), (503, True), (400, False), (401, False), (None, False)]
)
def test_an_api_error_is_retryable_by_its_status(status: int | None, retryable: bool) -> None:
    assert LLMAPIError("m", status).retryable is retryable


def test_the_caller_may_know_better_whether_to_retry() -> None:
    assert LLMAPIError("quota is spent", 429, retryable=False).retryable is False
    assert LLMTimeoutError("m", retryable=False).retryable is False


def test_the_facts_of_a_branch_are_attributes() -> None:
    assert ActorError("m", "journal", retry_after=2.0).actor == "journal"
    assert SessionError("m", "session-1").session_id == "session-1"
    assert JournalConflictError("m", "session-1", actual_seq=7).actual_seq == 7
    assert not OutcomeUnknownError("m").retryable
