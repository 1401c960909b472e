"""Settings as YAML text: what stands in a file, or an error that names the file and the line. It knows no setting."""

from pathlib import Path
from typing import Any

import yaml

from .exceptions import LLMConfigurationError


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


def read_settings_file(path: Path) -> dict[str, Any]:  # JSON
    """The mapping that stands in a YAML file, empty for an empty file; raises LLMConfigurationError."""
    content = _parsed(path, _text_of(path))
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise _error(path, f"{path}: holds a {type(content).__name__}, expected a mapping of sections such as `llm:` and `runtime:`")
    return content


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise _error(path, f"cannot read the settings file {path}: {reason}; name a YAML file, or none for the default settings") from None


def _parsed(path: Path, text: str) -> object:
    try:
        return yaml.load(text, _UniqueKeys)
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
