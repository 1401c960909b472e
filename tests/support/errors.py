"""One error of every class, with every argument given or with none."""

import inspect
from collections.abc import Iterator
from typing import Any

from polaris_llm.core.exceptions import JournalConflictError, LLMIntegrationError, PolarisException, RateLimitExceededError


def subclasses(error_class: type[LLMIntegrationError]) -> Iterator[type[LLMIntegrationError]]:
    """The class and all that derive from it in the package."""
    yield error_class
    for child in error_class.__subclasses__():
        if child.__module__.startswith("polaris_llm."):
            yield from subclasses(child)


EVERY_CLASS = tuple(subclasses(LLMIntegrationError))
ARGUMENTS: dict[str, Any] = {
    "provider": "mock",
    "model_name": "mock-model",
    "context": {"attempt": 2, "nested": {"list": [1, None, "x"]}},
    "cause": ValueError("too hot"),
    "status_code": 503,
    "api_endpoint": "https://models.example/v1",
    "request_id": "request-1",
    "retry_after": 2.5,
    "retryable": True,
    "timeout_seconds": 30.0,
    "response_content": "{oops",
    "expected_format": "JSON",
    "validation_errors": ["$: wrong"],
    "tool_name": "look",
    "tool_call_id": "call-1",
    "tool_parameters": {"at": "sky"},
    "config_key": "provider",
    "config_value": "nobody",
    "limit_type": "burst",
    "actor": "journal",
    "session_id": "session-1",
    "actual_seq": 7,
}


def named_parameters(error_class: type[LLMIntegrationError]) -> set[str]:
    """What the constructors of a class take by name."""
    constructors = (vars(parent).get("__init__") for parent in error_class.__mro__ if parent is not PolarisException)
    names: set[str] = set()
    for constructor in constructors:
        if constructor is not None:
            parameters = inspect.signature(constructor).parameters
            names |= parameters.keys()
            if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
                break
    return names


def full(error_class: type[LLMIntegrationError]) -> LLMIntegrationError:
    """An error of the class with every argument given."""
    given_arguments = {name: ARGUMENTS[name] for name in named_parameters(error_class) & ARGUMENTS.keys()}
    return error_class("it broke", **given_arguments)


def bare(error_class: type[LLMIntegrationError]) -> LLMIntegrationError:
    """An error of the class with only what it cannot do without."""
    required: dict[str, Any] = {"limit_type": "burst", "retry_after": 1.0} if error_class is RateLimitExceededError else {}
    return error_class("it broke", **required | ({"actual_seq": 7} if error_class is JournalConflictError else {}))
