"""References to secrets: settings say where a key is found, the process that uses it reads it there, as late as it can.

`env:NAME` is an environment variable, `file:PATH` a file, `call:MODULE:FUNCTION` what a function gives. No message of this module
holds what was found, or what may be a key.
"""

import asyncio
import importlib
import inspect
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, SecretStr
from pydantic_core import PydanticCustomError

from .exceptions import LLMAuthenticationError, LLMConfigurationError

HIDDEN_INPUT = "hidden_input"
"""The type of a validation error whose input must not be shown."""

SecretFunction = Callable[[], str | Awaitable[str]]
"""What gives a secret whenever it is needed, such as a token that is renewed."""

PATIENCE_S = 30.0
"""For a function that gives a secret."""

_REFERENCE = re.compile(r"(?P<place>env|file):(?P<name>\S(?:.*\S)?)|call:(?P<function>[^\W\d][\w.]*:[^\W\d][\w.]*)")
_EXPECTED = (
    "expected env:NAME or file:PATH, or call:MODULE:FUNCTION, never the key itself (code may pass a pydantic.SecretStr, or a function)"
)


def resolve(reference: str | SecretStr | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The secret at a place, or in a SecretStr; raises LLMConfigurationError when it is not to be found there."""
    if reference is None:
        return None
    if isinstance(reference, SecretStr):
        return reference.get_secret_value()
    match = _REFERENCE.fullmatch(reference)
    if match is None or match["function"]:
        raise LLMConfigurationError(f"not a reference to a secret: {_EXPECTED}")
    secret = environ.get(match["name"], "") if match["place"] == "env" else _read(reference, Path(match["name"]))
    if not secret.strip():
        remedy = "set the variable" if match["place"] == "env" else "write the key into the file"
        raise LLMConfigurationError(f"nothing is found at {reference}: {remedy}, in the environment of the process that calls the model")
    return secret.strip()


async def current(reference: str | SecretStr | SecretFunction) -> str:
    """The secret as it is now, without blocking the event loop.

    Raises LLMConfigurationError when there is none, and LLMAuthenticationError when a function fails that may work another time.
    """
    if isinstance(reference, SecretStr):
        return reference.get_secret_value()
    match = _REFERENCE.fullmatch(reference) if isinstance(reference, str) else None
    if isinstance(reference, str) and not (match and match["function"]):
        found = resolve(reference) if reference.startswith("env:") else await asyncio.to_thread(resolve, reference)
        assert found is not None  # only None stands for nothing
        return found
    function = reference if callable(reference) else _function(reference.removeprefix("call:"))
    return await _called(function)


def is_called(reference: object) -> bool:
    """Whether a reference is a function or names one, which is called when the secret is needed and not before."""
    return callable(reference) or (isinstance(reference, str) and reference.startswith("call:"))


def name_of(function: SecretFunction) -> str:
    """What a function is called in its module; of an object that can be called, its class."""
    name: str = getattr(function, "__qualname__", type(function).__qualname__)
    return name


def _function(name: str) -> SecretFunction:
    module, _, attribute = name.partition(":")
    try:
        found: SecretFunction = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        message = f"the function of call:{name} cannot be loaded: {error}; it must be importable where the model is called"
        raise LLMConfigurationError(message) from None
    if not callable(found):
        raise LLMConfigurationError(f"call:{name} names a {type(found).__name__}: give a function without parameters")
    return found


async def _called(function: SecretFunction) -> str:
    name = name_of(function)
    try:
        async with asyncio.timeout(PATIENCE_S):
            given = function() if inspect.iscoroutinefunction(function) else await asyncio.to_thread(function)
            found = await given if inspect.isawaitable(given) else given
    except Exception as error:  # whatever a stranger's function raises may hold the secret, so that only its type is told
        raise LLMAuthenticationError(f"{name}, which gives a secret, failed with {type(error).__name__}", retryable=True) from None
    if not isinstance(found, str) or not found.strip():
        raise LLMConfigurationError(f"{name} gave a {type(found).__name__} in place of a secret: it must give a text that is not empty")
    return found.strip()


def _read(reference: str, path: Path) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError) as error:  # no such file, not UTF-8, no such home
        reason = error.strerror if isinstance(error, OSError) else "not a readable text file"
        raise LLMConfigurationError(f"cannot read {reference} ({reason}): create it where the process that calls the model runs") from None


def _checked(value: object) -> object:
    if isinstance(value, SecretStr) or callable(value) or (isinstance(value, str) and _REFERENCE.fullmatch(value)):
        return value
    raise PydanticCustomError(HIDDEN_INPUT, _EXPECTED)


def _as_json(value: str | SecretStr | SecretFunction) -> str | SecretStr:
    return f"call:{value.__module__}:{name_of(value)}" if callable(value) else value


SecretReference = Annotated[str | SecretStr | SecretFunction, BeforeValidator(_checked), PlainSerializer(_as_json, when_used="json")]
"""A setting that says where a secret is found, or a SecretStr or a function passed by code."""
