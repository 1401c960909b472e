"""From pydantic's list of what is wrong to one error that names each setting, its value and what was expected.

What may be a secret is not repeated: the value where one belongs, and a text that looks like one
under an unknown name or in the place of a whole section. `masked` does the same for settings that are shown.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import get_args

from pydantic import AliasChoices, BaseModel, JsonValue, ValidationError
from pydantic_core import ErrorDetails

from .exceptions import LLMConfigurationError
from .secrets import HIDDEN_INPUT

HIDDEN = "(not shown)"

_SECRET_NAME = re.compile(r"key|secret|token|passw|auth|credential", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"\S{16}")
_SURE_SECRET = re.compile(r"://[^/\s]*@|\bsk-\S{8}|\bbearer\s", re.IGNORECASE)
_REFERENCE = ("env:", "file:", "call:")
_NO_SECTION = ("model_type", "dict_type")
_SHOWN_CHARS = 80


def masked(value: JsonValue, path: Sequence[object] = ()) -> JsonValue:
    """The value as it may be shown: texts under a name for secrets, or that look like one, are hidden; references are not."""
    match value:
        case dict():
            return {name: masked(inner, (*path, name)) for name, inner in value.items()}
        case list() | tuple():
            return [masked(inner, path) for inner in value]
        case str() if not value.startswith(_REFERENCE) and (_holds_secrets(path) or _SURE_SECRET.search(value)):
            return HIDDEN
        case _:
            return value


def _holds_secrets(path: Sequence[object]) -> bool:
    names = path[path.index("extras") :] if "extras" in path else path[-1:]
    return "headers" in path or any(_SECRET_NAME.search(str(name)) for name in names)


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
        return HIDDEN
    if isinstance(value, dict | list | tuple | BaseModel):
        return None
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."


def _may_be_secret(settings: type[BaseModel], detail: ErrorDetails, value: str) -> bool:
    if detail["type"] not in ("extra_forbidden", *_NO_SECTION):
        return False
    name = str(detail["loc"][-1])
    guess = nearest(name, known_names(settings, detail["loc"][:-1])) or ""
    return any(_SECRET_NAME.search(text) for text in (name, guess)) or _SECRET_TEXT.search(value) is not None


def _expected(settings: type[BaseModel], detail: ErrorDetails) -> str:
    if detail["type"] == "extra_forbidden":
        return _unknown(str(detail["loc"][-1]), known_names(settings, detail["loc"][:-1]))
    if detail["type"] == "missing":
        inside = ", ".join(known_names(settings, detail["loc"]))
        return f"it is missing: add it{f', a section with some of {inside}' if inside else ''}"
    return detail["msg"].removeprefix("Value error, ").replace("Input should be ", "expected to be ")


def _unknown(name: str, known: Sequence[str]) -> str:
    if name in known:
        return "this setting is given twice, under two names: keep one of them"
    guess = nearest(name, known)
    hint = f" did you mean {guess!r}?" if guess else ""
    return f"unknown name;{hint} allowed: {', '.join(known)}"


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name that `name` is most likely a typo of."""
    return next(iter(get_close_matches(name, known, n=1)), None)


def known_names(settings: type[BaseModel], path: Sequence[object]) -> list[str]:
    """The names of the section at `path`, other spellings last; empty where there is no section."""
    section = _section(settings, path)
    return (
        []
        if section is None
        else list(dict.fromkeys((*section.model_fields, *(name for names in _spellings(section).values() for name in names))))
    )


def own_path(settings: type[BaseModel], path: Sequence[object]) -> str:
    """The path, dotted, with each setting's first name in place of other spellings."""
    return ".".join(_own_name(_section(settings, path[:depth]), str(name)) for depth, name in enumerate(path))


def _own_name(section: type[BaseModel] | None, name: str) -> str:
    spellings = _spellings(section) if section else {}
    return next((own for own, names in spellings.items() if name in names), name)


def _spellings(section: type[BaseModel]) -> dict[str, list[str]]:
    aliases = {name: field.validation_alias for name, field in section.model_fields.items()}
    return {name: [str(choice) for choice in alias.choices] for name, alias in aliases.items() if isinstance(alias, AliasChoices)}


def _section(kind: object, path: Sequence[object]) -> type[BaseModel] | None:
    """The section at `path` below a value of type `kind`."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if not path:
            return kind
        field = kind.model_fields.get(str(path[0]))
        return _section(field.annotation, path[1:]) if field else None
    is_mapping = getattr(kind, "__origin__", None) is dict
    found = (_section(inner, path[1:] if is_mapping else path) for inner in get_args(kind) if path or not is_mapping)
    return next((section for section in found if section), None)
