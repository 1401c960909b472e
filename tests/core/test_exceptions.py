"""Every error crosses processes unchanged, and is JSON for logs."""

import copy
import pickle
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given

from polaris_llm.core import exceptions
from polaris_llm.core.canonical import canonical_json
from polaris_llm.core.exceptions import (
    ErrorRecord,
    LLMAPIError,
    LLMConfigurationError,
    LLMConnectionError,
    LLMIntegrationError,
    LLMToolError,
    RemoteCause,
    UnexpectedError,
)
from support.errors import EVERY_CLASS, bare, full
from support.session_values import JSON, WORDS

each_class = pytest.mark.parametrize("error_class", EVERY_CLASS)


def test_every_class_that_the_module_defines_is_walked() -> None:
    defined = {value for value in vars(exceptions).values() if isinstance(value, type) and issubclass(value, LLMIntegrationError)}

    assert defined <= set(EVERY_CLASS)


@each_class
@pytest.mark.parametrize("make", [full, bare])
def test_every_error_comes_back_equal_from_pickle(error_class: type[LLMIntegrationError], make: Any) -> None:
    error = make(error_class)

    revived = pickle.loads(pickle.dumps(error))

    assert type(revived) is error_class
    assert revived == error
    assert hash(revived) == hash(error)
    assert (str(revived), revived.to_dict(), revived.retryable) == (str(error), error.to_dict(), error.retryable)
    assert revived.retry_after == error.retry_after


@each_class
def test_every_error_can_cross_a_second_time(error_class: type[LLMIntegrationError]) -> None:
    error = full(error_class)

    once = pickle.loads(pickle.dumps(error))

    assert pickle.loads(pickle.dumps(once)) == once == error


@each_class
def test_every_error_can_be_copied(error_class: type[LLMIntegrationError]) -> None:
    error = full(error_class)

    assert copy.copy(error) == copy.deepcopy(error) == error


@each_class
def test_every_error_reads_as_its_message(error_class: type[LLMIntegrationError]) -> None:
    assert str(full(error_class)) == "it broke"


@each_class
def test_every_error_has_a_code_of_its_own(error_class: type[LLMIntegrationError]) -> None:
    others = {other.code for other in EVERY_CLASS if other is not error_class}

    assert bare(error_class).error_code == error_class.code
    assert error_class.code not in others


@each_class
def test_every_error_as_json_has_the_contracts_keys(error_class: type[LLMIntegrationError]) -> None:
    error = full(error_class)

    record = error.to_dict()

    assert list(record) == ["error_type", "message", "error_code", "context", "correlation_id", "timestamp", "cause"]
    assert record["error_type"] == error_class.__name__
    assert record["cause"] == (None if error.cause is None else "too hot")
    assert datetime.fromisoformat(record["timestamp"]).tzinfo is not None
    assert canonical_json(record)


@each_class
def test_every_error_has_a_record_that_a_log_can_keep(error_class: type[LLMIntegrationError]) -> None:
    error = full(error_class)

    record = ErrorRecord.of(error)

    assert (record.type, record.code, record.message) == (error_class.__name__, error.error_code, "it broke")
    assert record.retryable == error.retryable
    assert record.context == error.context


def test_a_cause_crosses_as_its_type_and_message() -> None:
    error = LLMIntegrationError("it broke", cause=ZeroDivisionError("by zero"))

    revived = pickle.loads(pickle.dumps(error))

    assert isinstance(revived.cause, RemoteCause)
    assert (revived.cause.type_name, revived.cause.message, str(revived.cause)) == ("ZeroDivisionError", "by zero", "by zero")


def test_errors_with_different_causes_differ() -> None:
    one, other = (LLMIntegrationError("x", cause=cause, correlation_id="c") for cause in (ValueError("a"), ValueError("b")))
    other.timestamp = one.timestamp

    assert one != other


def test_an_error_equals_no_error_of_another_class() -> None:
    assert LLMAPIError("x", correlation_id="c") != LLMConnectionError("x", correlation_id="c")


def test_an_error_with_what_cannot_be_pickled_crosses_as_text() -> None:
    error = LLMConfigurationError("no such script", config_key="script", config_value=lambda request: request)

    revived = pickle.loads(pickle.dumps(error))

    assert revived == error
    assert "lambda" in revived.context["config_value"]


@given(message=WORDS, context=JSON.filter(lambda value: isinstance(value, dict)))
def test_any_json_context_is_kept_in_pickle_and_record(message: str, context: dict[str, Any]) -> None:
    error = LLMIntegrationError(message, context=context)

    assert pickle.loads(pickle.dumps(error)).context == error.context == ErrorRecord.of(error).context == context


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_has_not_are_text_in_a_record(number: float) -> None:
    record = ErrorRecord.of(LLMToolError("odd", tool_parameters={"x": [number]}))

    assert record.context == {"tool_parameters": {"x": [str(number)]}}


def test_the_record_of_a_foreign_error_names_it_and_says_unexpected() -> None:
    assert ErrorRecord.of(KeyError("x")) == ErrorRecord(type="KeyError", code="UNEXPECTED_ERROR", message="'x'", context={})


def test_a_wrapped_foreign_error_names_it() -> None:
    error = UnexpectedError.of(KeyError("x"))

    assert str(error) == "KeyError: 'x'"
    assert error.to_dict()["cause"] == "'x'"


def test_the_context_is_the_errors_own() -> None:
    context = {"attempt": 1}

    error = LLMIntegrationError("x", provider="mock", context=context)

    assert error.context == {"attempt": 1, "provider": "mock"}
    assert context == {"attempt": 1}
