"""From pydantic's list of what is wrong to one error that names each setting, its value and what was expected.

What may be a secret is not repeated: the value where one belongs, and a text that looks like one
under an unknown name or in the place of a whole section.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import get_args

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .exceptions import LLMConfigurationError
from .secrets import HIDDEN_INPUT

_SECRET_NAME = re.compile(r"key|secret|token|passw|auth|credential", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"\S{16}")
_NO_SECTION = ("model_type", "dict_type")
_SHOWN_CHARS = 80


def configuration_error(settings: type[BaseModel], error: ValidationError, source: str) -> LLMConfigurationError:
    """One error for all that is wrong with what was read from `source`."""
    details = error.errors(include_url=False)
    lines = "".join(f"\n  {_line(settings, detail)}" for detail in details)
    count = "1 setting is" if len(details) == 1 else f"{len(details)} settings are"
    return LLMConfigurationError(f"{source}: {count} wrong{lines}", config_key=_path(details[0]), config_value=_shown(settings, details[0]))


def _line(settings: type[BaseModel], detail: ErrorDetails) -> str:
    value = _shown(settings, detail)
    setting = _path(detail) + (f" = {value}" if value else "")
    return f"{setting}: {_expected(settings, detail)}" if setting else _expected(settings, detail)


def _path(detail: ErrorDetails) -> str:
    return ".".join(str(part) for part in detail["loc"] if part != "[key]")


def _shown(settings: type[BaseModel], detail: ErrorDetails) -> str | None:
    value = detail["input"]
    if detail["type"] == HIDDEN_INPUT or (isinstance(value, str) and _may_be_secret(settings, detail, value)):
        return "(not shown)"
    if isinstance(value, dict | list | tuple | BaseModel):
        return None
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."


def _may_be_secret(settings: type[BaseModel], detail: ErrorDetails, value: str) -> bool:
    if detail["type"] not in ("extra_forbidden", *_NO_SECTION):
        return False
    name = str(detail["loc"][-1])
    guess = _guess(name, _known_names(settings, detail["loc"][:-1])) or ""
    return any(_SECRET_NAME.search(text) for text in (name, guess)) or _SECRET_TEXT.search(value) is not None


def _expected(settings: type[BaseModel], detail: ErrorDetails) -> str:
    if detail["type"] == "extra_forbidden":
        return _unknown(str(detail["loc"][-1]), _known_names(settings, detail["loc"][:-1]))
    return detail["msg"].removeprefix("Value error, ").replace("Input should be ", "expected to be ")


def _unknown(name: str, known: Sequence[str]) -> str:
    if name in known:
        return "this setting is given twice, under two names: keep one of them"
    guess = _guess(name, known)
    hint = f" did you mean {guess!r}?" if guess else ""
    return f"unknown name;{hint} allowed: {', '.join(known)}"


def _guess(name: str, known: Sequence[str]) -> str | None:
    return next(iter(get_close_matches(name, known, n=1)), None)


def _known_names(kind: object, path: Sequence[int | str]) -> list[str]:
    """The names of the section at `path` below a value of type `kind`, other spellings last; empty where there is no section."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _known_names(kind.model_fields[str(path[0])].annotation, path[1:]) if path else _names(kind)
    is_mapping = getattr(kind, "__origin__", None) is dict
    found = (_known_names(inner, path[1:] if is_mapping else path) for inner in get_args(kind))
    return next((names for names in found if names), [])


def _names(section: type[BaseModel]) -> list[str]:
    aliases = (field.validation_alias for field in section.model_fields.values())
    others = (str(name) for alias in aliases if isinstance(alias, AliasChoices) for name in alias.choices)
    return list(dict.fromkeys((*section.model_fields, *others)))
