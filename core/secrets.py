"""References to secrets: settings say where a key is found, the process that uses it reads it there, as late as it can.

`env:NAME` is an environment variable, `file:PATH` a file. No message of this module holds what was found, or what may be a key.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, SecretStr
from pydantic_core import PydanticCustomError

from .exceptions import LLMConfigurationError

HIDDEN_INPUT = "hidden_input"
"""The type of a validation error whose input must not be shown."""

_REFERENCE = re.compile(r"(?P<place>env|file):(?P<name>\S(?:.*\S)?)")
_EXPECTED = "expected env:NAME or file:PATH, never the key itself (code may pass a pydantic.SecretStr)"


def resolve(reference: str | SecretStr | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The secret that `reference` stands for; raises LLMConfigurationError when it is not to be found."""
    if reference is None:
        return None
    if isinstance(reference, SecretStr):
        return reference.get_secret_value()
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise LLMConfigurationError(f"not a reference to a secret: {_EXPECTED}")
    secret = environ.get(match["name"], "") if match["place"] == "env" else _read(reference, Path(match["name"]))
    if not secret.strip():
        remedy = "set the variable" if match["place"] == "env" else "write the key into the file"
        raise LLMConfigurationError(f"nothing is found at {reference}: {remedy}, in the environment of the process that calls the model")
    return secret.strip()


def _read(reference: str, path: Path) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError) as error:  # no such file, not UTF-8, no such home
        reason = error.strerror if isinstance(error, OSError) else "not a readable text file"
        raise LLMConfigurationError(f"cannot read {reference} ({reason}): create it where the process that calls the model runs") from None


def _checked(value: object) -> object:
    if isinstance(value, SecretStr) or (isinstance(value, str) and _REFERENCE.fullmatch(value)):
        return value
    raise PydanticCustomError(HIDDEN_INPUT, _EXPECTED)


SecretReference = Annotated[str | SecretStr, BeforeValidator(_checked)]
"""A setting that says where a secret is found, or a SecretStr passed by code."""
