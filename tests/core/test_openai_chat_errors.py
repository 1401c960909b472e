"""What a refusing reply means, whatever shape its body has."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime, formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.exceptions import (
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
from polaris_llm.core.providers.api_errors import MAX_MESSAGE_CHARS, ErrorWords, api_error
from polaris_llm.core.providers.exchange import HttpReply
from polaris_llm.core.providers.openai_chat import OpenAIChatCodec
from polaris_llm.core.providers.retry_hints import retry_after_s
from support.model_requests import a_request
from support.model_strategies import JSON_VALUES

CODEC = OpenAIChatCodec(api_key="sk-very-secret-key")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def reply(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> HttpReply:
    return HttpReply(status=status, headers=headers or {}, body=body, received_at=NOW.timestamp())


def error_of(refusal: HttpReply) -> LLMAPIError:
    return CODEC.decode_error(CODEC.encode(a_request()), refusal)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"error": {"message": "no such model", "type": "invalid_request_error"}}, "no such model"),
        ({"error": "no such model"}, "no such model"),
        ({"error": ["no such model", "other"]}, "no such model"),
        ([{"error": {"code": 404, "message": "no such model"}}], "no such model"),
        ({"detail": [{"loc": ["body"], "msg": "no such model"}]}, "no such model"),
        ({"message": "no such model"}, "no such model"),
        ("no such model", "no such model"),
        ({}, "Not Found"),
        (None, "null"),
        (17, "Not Found"),
    ],
)
def test_the_reason_is_found_in_a_body_of_any_shape(body: object, reason: str) -> None:
    error = error_of(reply(404, json.dumps(body).encode()))

    assert str(error) == f"openai answered 404 for model 'a-model': {reason}"
    assert error.context["status_code"] == 404


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Bad Gateway"),
        (b"upstream connect error", "upstream connect error"),
        (b"<html><style>p {}</style><h1>502</h1> no &amp; no</html>", "502 no & no"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 100_000, "[" * MAX_MESSAGE_CHARS + "…"),
        (b"[" * 900 + b"]" * 900, "[" * MAX_MESSAGE_CHARS + "…"),
    ],
)
def test_the_status_counts_where_the_body_is_no_json(body: bytes, reason: str) -> None:
    error = error_of(reply(502, body))

    assert str(error) == f"openai answered 502 for model 'a-model': {reason}"
    assert (error.status_code, error.retryable) == (502, True)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503, 529])
def test_a_status_that_may_pass_is_tried_again(status: int) -> None:
    assert error_of(reply(status)).retryable


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 422])
def test_a_status_that_stays_is_not_tried_again(status: int) -> None:
    assert not error_of(reply(status)).retryable


@pytest.mark.parametrize(("claim", "retryable"), [("true", True), ("false", False)])
def test_a_servers_own_claim_overrules_the_status(claim: str, retryable: bool) -> None:
    assert error_of(reply(400 if retryable else 503, headers={"x-should-retry": claim})).retryable is retryable


@pytest.mark.parametrize(
    ("status", "words", "error_class"),
    [
        (400, {"type": "invalid_request_error"}, LLMBadRequestError),
        (401, {"code": "invalid_api_key"}, LLMAuthenticationError),
        (402, {"message": "Insufficient Balance"}, LLMQuotaExceededError),
        (403, {}, LLMPermissionError),
        (404, {"type": "invalid_request_error", "code": "model_not_found"}, LLMNotFoundError),
        (408, {}, LLMTimeoutError),
        (413, {}, LLMBadRequestError),
        (400, {"code": "context_length_exceeded"}, LLMContextWindowError),
        (400, {"message": "This model's maximum context length is 8 tokens"}, LLMContextWindowError),
        (400, {"type": "exceed_context_size_error"}, LLMContextWindowError),
        (400, {"code": "content_filter"}, LLMContentFilterError),
        (429, {"type": "tokens", "code": "rate_limit_exceeded"}, LLMRateLimitError),
        (429, {"code": "insufficient_quota"}, LLMQuotaExceededError),
        (429, {"message": "You exceeded your current quota"}, LLMQuotaExceededError),
        (500, {}, LLMServerError),
        (502, {}, LLMServerError),
        (503, {}, LLMOverloadedError),
        (504, {}, LLMTimeoutError),
        (529, {}, LLMOverloadedError),
        (200, {"type": "overloaded_error"}, LLMOverloadedError),
        (200, {"type": "server_error"}, LLMServerError),
        (200, {"type": "invalid_request_error"}, LLMBadRequestError),
        (418, {}, LLMAPIError),
    ],
)
def test_an_error_says_by_its_type_who_must_act(status: int, words: dict[str, str], error_class: type[LLMAPIError]) -> None:
    error = error_of(reply(status, json.dumps({"error": words}).encode()))

    assert type(error) is error_class
    assert error.retryable is (error_class in (LLMRateLimitError, LLMServerError, LLMOverloadedError, LLMTimeoutError))


def test_a_rate_limit_says_which_limit_and_until_when() -> None:
    headers = {"x-ratelimit-limit-tokens": "9000", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m2.5s"}

    error = error_of(reply(429, b"{}", headers | {"x-ratelimit-remaining-requests": "9", "x-request-id": "req_1"}))

    assert isinstance(error, LLMRateLimitError)
    assert (error.limit, error.retry_after) == ("tokens", 62.5)
    assert error.context["rate_limits"]["tokens"] == {"limit": 9000, "remaining": 0, "reset_s": 62.5}
    assert error.context["provider_request_id"] == "req_1"


def test_a_wire_with_words_of_its_own_passes_its_dialect() -> None:
    def dialect(payload: object) -> ErrorWords:
        return ErrorWords(kinds=("RESOURCE_EXHAUSTED",), message="take it easy", limit="PerMinute", retry_after_s=18.0)

    error = api_error(CODEC.encode(a_request()), reply(400), dialect)

    assert isinstance(error, LLMRateLimitError)
    assert (error.limit, error.retry_after, str(error)) == ("PerMinute", 18.0, "openai answered 400 for model 'a-model': take it easy")


def test_an_error_tells_whom_and_what_it_is_about_as_attributes() -> None:
    error = error_of(reply(503, headers={"retry-after": "3"}))

    assert (error.provider, error.model_name, error.request_id) == ("openai", "a-model", "request-1")
    assert (error.status_code, error.retryable, error.retry_after) == (503, True, 3.0)


def test_a_rate_limit_has_its_own_type_and_says_how_long() -> None:
    error = error_of(reply(429, b'{"error": {"code": "rate_limit_exceeded"}}', {"retry-after": "7"}))

    assert isinstance(error, LLMRateLimitError)
    assert (error.retry_after, error.context["retry_after"], error.context["provider_code"]) == (7.0, 7.0, "rate_limit_exceeded")


@pytest.mark.parametrize("field", ["code", "type"])
def test_an_empty_purse_is_not_tried_again(field: str) -> None:
    assert not error_of(reply(429, json.dumps({"error": {field: "insufficient_quota"}}).encode())).retryable


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": formatdate(NOW.timestamp() + 20, usegmt=True)}, 20.0),
        ({"retry-after": formatdate(NOW.timestamp() - 20, usegmt=True)}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2026 10:00:30 GMT", "date": "Mon, 23 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wait_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(reply(429, headers=headers)) == seconds


def test_a_date_is_measured_by_the_servers_clock_not_ours() -> None:
    skewed = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    headers = {"retry-after": format_datetime(skewed, usegmt=True), "date": formatdate(skewed.timestamp() - 3, usegmt=True)}

    assert retry_after_s(reply(429, headers=headers)) == 3.0


def test_the_key_is_cut_out_of_the_providers_words() -> None:
    error = error_of(reply(401, b'{"error": "bad key sk-very-secret-key"}'))

    assert "secret" not in f"{error!r} {error.to_dict()}"


def test_where_and_for_what_it_happened_is_in_the_context() -> None:
    context = error_of(reply(500)).context

    assert context["provider"] == "openai"
    assert context["model_name"] == "a-model"
    assert context["api_endpoint"] == "https://api.openai.com/v1/chat/completions"
    assert context["request_id"] == "request-1"


@given(st.integers(300, 599), JSON_VALUES | st.fixed_dictionaries({"error": JSON_VALUES}))
def test_any_refusal_is_a_typed_error_of_bounded_length(status: int, body: object) -> None:
    error = error_of(reply(status, json.dumps(body).encode()))

    assert error.status_code == status
    assert len(str(error)) < MAX_MESSAGE_CHARS + 100
