"""Google's errors by who must act, from bodies as its documentation and its users show them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from polaris_llm.core.providers.exchange import HttpReply
from support.google_answers import CALL, CODEC, DATA
from support.model_strategies import JSON_VALUES


def error_of(body: bytes, status: int | None = None, headers: dict[str, str] | None = None) -> LLMAPIError:
    """The error of a reply; its status is the body's own unless told."""
    if status is None:
        document = json.loads(body)
        status = (document[0] if isinstance(document, list) else document)["error"]["code"]
    return CODEC.decode_error(CALL, HttpReply(status=status, headers=headers or {}, body=body, received_at=0.0))


@pytest.mark.parametrize(
    ("name", "error_class", "retryable", "code"),
    [
        ("rate_limit", LLMRateLimitError, True, "RESOURCE_EXHAUSTED"),
        ("exhausted", LLMRateLimitError, True, "RESOURCE_EXHAUSTED"),
        ("daily_quota", LLMQuotaExceededError, False, "daily_quota"),
        ("api_key_invalid", LLMAuthenticationError, False, "API_KEY_INVALID"),
        ("permission_denied", LLMPermissionError, False, "PERMISSION_DENIED"),
        ("not_found", LLMNotFoundError, False, "NOT_FOUND"),
        ("invalid_argument", LLMBadRequestError, False, "INVALID_ARGUMENT"),
        ("context_window", LLMContextWindowError, False, "INVALID_ARGUMENT"),
        ("overloaded", LLMOverloadedError, True, "UNAVAILABLE"),
        ("in_a_list", LLMOverloadedError, True, "UNAVAILABLE"),
        ("internal", LLMServerError, True, "INTERNAL"),
        ("deadline", LLMTimeoutError, True, "DEADLINE_EXCEEDED"),
    ],
)
def test_an_error_says_by_its_type_who_must_act(name: str, error_class: type[LLMAPIError], retryable: bool, code: str) -> None:
    error = error_of((DATA / f"{name}.json").read_bytes())

    assert (type(error), error.retryable, error.context["provider_code"]) == (error_class, retryable, code)
    assert (error.provider, error.model_name, error.request_id) == ("google", "a-model", "request-1")


def test_a_rate_limit_says_which_and_for_how_long() -> None:
    error = error_of((DATA / "rate_limit.json").read_bytes())

    assert isinstance(error, LLMRateLimitError)
    assert (error.limit, error.retry_after) == ("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", 18.65)
    assert "You exceeded your current quota" in error.message


def test_a_quota_of_the_day_is_not_waited_for() -> None:
    error = error_of((DATA / "daily_quota.json").read_bytes())

    assert isinstance(error, LLMQuotaExceededError)
    assert (error.limit, error.retry_after) == ("GenerateRequestsPerDayPerProjectPerModel-FreeTier", None)


RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "18s"}


@pytest.mark.parametrize(
    ("error", "headers", "seconds"),
    [
        ({"details": [RETRY_INFO]}, {}, 18.0),
        ({"details": [RETRY_INFO | {"retryDelay": "0.5s"}]}, {}, 0.5),
        ({"message": "Please retry in 18.65s."}, {}, 18.65),
        ({"message": "Please retry in 250.5ms."}, {}, 0.2505),
        ({"message": "Please retry in 18.65s.", "details": [RETRY_INFO]}, {"retry-after": "7"}, 7.0),
        ({"message": "Please retry in a while.", "details": [RETRY_INFO | {"retryDelay": 18}, {"@type": 7}, "odd"]}, {}, None),
    ],
)
def test_the_wait_is_read_wherever_it_stands(error: dict[str, object], headers: dict[str, str], seconds: float | None) -> None:
    body = json.dumps({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", **error}}).encode()

    assert error_of(body, headers=headers).retry_after == seconds


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html><h1>Bad Gateway</h1></html>", "Bad Gateway"),
        (b"", "Bad Gateway"),
        (b'{"error": "the model is gone"}', "the model is gone"),
        (b'[{"error": {"message": "one"}}, {"error": {"message": "two"}}]', "one"),
        (b"[]", "Bad Gateway"),
    ],
)
def test_a_body_of_another_shape_hides_neither_status_nor_reason(body: bytes, reason: str) -> None:
    error = error_of(body, 502)

    assert (error.status_code, error.retryable) == (502, True)
    assert error.message.endswith(f"answered 502 for model 'a-model': {reason}")


def test_the_key_is_cut_out_of_what_the_server_repeats() -> None:
    error = error_of(b'{"error": {"code": 400, "message": "API key AIza-very-secret-key expired."}}', 400)

    assert "API key *** expired." in error.message
    assert "secret" not in f"{error!r} {error.to_dict()}"


ODD_DETAILS = st.dictionaries(
    st.sampled_from(["@type", "retryDelay", "violations", "reason"]), JSON_VALUES | st.just("google.rpc.QuotaFailure")
)
ODD_ERRORS = st.dictionaries(
    st.sampled_from(["code", "message", "status", "details"]), JSON_VALUES | st.lists(JSON_VALUES | ODD_DETAILS, max_size=2)
)
ODD_BODIES = JSON_VALUES | st.fixed_dictionaries({"error": JSON_VALUES | ODD_ERRORS})


@given(ODD_BODIES | st.lists(ODD_BODIES, max_size=2), st.sampled_from([400, 429, 500]))
def test_whatever_a_server_says_is_a_typed_error_of_its_status(body: object, status: int) -> None:
    error = error_of(json.dumps(body).encode(), status)

    assert error.status_code == status
