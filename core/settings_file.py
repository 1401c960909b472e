"""Settings as YAML text: what stands in a file, its profiles and its `${VARIABLES}`, or an error that names the place. It knows no setting.

A file whose top level holds profiles (mappings with a section `llm`) is read as one of them, over what stands beside them.
`${NAME}` and `${NAME:-default}` are replaced in values, after the profile was chosen; `$${` is a plain `${`.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from .exceptions import LLMConfigurationError

PROFILE_VARIABLE = "POLARIS_ENVIRONMENT"
"""The environment variable that chooses a profile where no argument does."""
KEY_NAMES = frozenset({"api_key", "api_keys", "entra_token"})

_VARIABLE = re.compile(r"\$(?P<escaped>\$)?\{(?:(?P<name>[A-Za-z_]\w*)(?P<default>:-[^}]*)?\})?", re.ASCII)
_KEY_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}", re.ASCII)
_RETYPED = {f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "null")}


class _Plain(str):
    """A text that stood without quotes: what it becomes may be a number."""

    __slots__ = ()


class _UniqueKeys(yaml.SafeLoader):
    """YAML's plain values; a name given twice in one mapping is an error."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:  # PyYAML types it so
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                raise yaml.constructor.ConstructorError(problem=f"{key.value!r} is given twice", problem_mark=key.start_mark)
            seen.add((key.tag, str(key.value)))
        return node

    def construct_text(self, node: yaml.ScalarNode) -> str:
        text = str(self.construct_scalar(node))
        return _Plain(text) if node.style is None and "${" in text else text


_UniqueKeys.add_constructor("tag:yaml.org,2002:str", _UniqueKeys.construct_text)


def read_settings_file(path: Path, kind: str = "settings file") -> dict[str, Any]:  # JSON
    """The mapping that stands in a YAML file, empty for an empty file; raises LLMConfigurationError."""
    content = _parsed(path, _text_of(path, kind))
    if content is None:
        return {}
    if not isinstance(content, dict):
        sections = "sections such as `llm:` and `runtime:`" if kind == "settings file" else "names to values"
        raise _error(path, f"{path}: holds a {type(content).__name__}, expected a mapping of {sections}")
    return content


def profiles_of(content: Mapping[str, Any], sections: Collection[str]) -> tuple[str, ...]:  # JSON
    """The names at the top that are no sections, and hold mappings with a section `llm`."""
    return tuple(
        name
        for name, value in content.items()
        if isinstance(name, str) and name not in sections and isinstance(value, dict) and "llm" in value
    )


def of_profile(content: Mapping[str, Any], profiles: Collection[str], profile: str) -> dict[str, Any]:  # JSON
    """What stands beside the profiles, and what the profile says instead or in addition."""
    shared = {name: value for name, value in content.items() if name not in profiles}
    return {**content[profile], **_over(shared, content[profile])}  # the profile's sections first


def substituted(content: Mapping[str, Any], source: str, environ: Mapping[str, str]) -> dict[str, Any]:  # JSON
    """The content with its variables replaced; raises LLMConfigurationError for one that is not set."""

    def resolve(path: tuple[object, ...], text: str) -> object:
        return _resolved(text, lambda match: _value_of(match, path, source, environ), is_key=_is_key(path))

    return {name: _walked((name,), value, resolve) for name, value in content.items()}


def key_reference(text: str) -> str:
    """`env:NAME` for a key written as `${NAME}`, so that nobody reads it before it is used; any other text as it is."""
    match = _KEY_VARIABLE.fullmatch(text)
    return f"env:{match[1]}" if match else text


def _over(base: dict[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:  # JSON
    both = {name: _over(base[name], value) for name, value in top.items() if isinstance(value, dict) and isinstance(base.get(name), dict)}
    return {**base, **top, **both}


def _walked(path: tuple[object, ...], value: object, resolve: Callable[[tuple[object, ...], str], object]) -> object:
    match value:
        case dict():
            return {name: _walked((*path, name), inner, resolve) for name, inner in value.items()}
        case list():
            return [_walked((*path, number), inner, resolve) for number, inner in enumerate(value)]
        case str():
            return resolve(path, value)
        case _:
            return value


def _is_key(path: tuple[object, ...]) -> bool:
    return not KEY_NAMES.isdisjoint(path[-2:])


def _resolved(text: str, replace: Callable[[re.Match[str]], str], *, is_key: bool) -> object:
    if is_key and not text.startswith(("env:", "file:", "call:")):
        return key_reference(str(text))  # anything but a reference is refused later: nothing is read here
    resolved = _VARIABLE.sub(replace, text)
    return _as_yaml(resolved) if isinstance(text, _Plain) else resolved


def _value_of(match: re.Match[str], path: tuple[object, ...], source: str, environ: Mapping[str, str]) -> str:
    name, default, setting = match["name"], match["default"], ".".join(map(str, path))
    if match["escaped"]:
        return match[0][1:]
    if name is None:
        message = f"{source}: {setting} holds a '${{' that begins no variable: write ${{NAME}}, ${{NAME:-default}}, or $${{ for the signs"
        raise LLMConfigurationError(message, config_key=setting)
    if default is not None:
        return environ.get(name) or default[2:]
    if name not in environ:
        message = f"{source}: {setting} needs the environment variable {name}, which is not set: set it, or write ${{{name}:-default}}"
        raise LLMConfigurationError(message, config_key=setting, config_value=f"${{{name}}}")
    return environ[name]


def _as_yaml(text: str) -> object:
    """What YAML makes of a text without quotes, if that is a number, a boolean or null."""
    loader = yaml.SafeLoader("")
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # its stubs leave it out
    return loader.construct_object(yaml.ScalarNode(tag, text)) if tag in _RETYPED else text


def _text_of(path: Path, kind: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        remedy = ", or none for the default settings" if kind == "settings file" else ""
        raise _error(path, f"cannot read the {kind} {path}: {reason}; name a YAML file{remedy}") from None


def _parsed(path: Path, text: str) -> object:
    try:
        content: object = yaml.load(text, _UniqueKeys)
        json.dumps(content, skipkeys=True, default=str)  # what holds itself is no tree of settings: ValueError
        return content
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where, problem = f", line {mark.line + 1}" if mark else "", str(error.problem or error.context)
    except yaml.reader.ReaderError as error:
        where, problem = f", line {text.count(chr(10), 0, error.position) + 1}", f"character #x{error.character:04x} has no place in YAML"
    except (ValueError, RecursionError) as error:  # such as a 13th month
        where, problem = "", str(error)
    raise _error(path, f"{path}{where}: {problem}; mend the YAML there")


def _error(path: Path, message: str) -> LLMConfigurationError:
    return LLMConfigurationError(message, config_key="settings", config_value=str(path))
