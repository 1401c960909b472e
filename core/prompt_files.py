"""Templates and flows in YAML files: `templates:` and `flows:` are lists of what PromptTemplate and ConversationFlow hold."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from .exceptions import LLMConfigurationError
from .flows import ConversationFlow
from .prompt_templates import PromptTemplate

BUILT_IN = Path(__file__).parent.parent / "templates"
"""The package's own; the same folder whether `core` is reached through the package or stands beside it."""

FileStamp = tuple[tuple[str, int, int], ...]
"""Name, time and size of each file of a directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSet:
    """Templates and flows by their names."""

    templates: dict[str, PromptTemplate] = field(default_factory=dict)
    flows: dict[str, ConversationFlow] = field(default_factory=dict)


def _with_template(entry: Any) -> Any:  # before validation it may be anything
    if isinstance(entry, dict) and "text" in entry and "template" not in entry:
        return {("template" if key == "text" else key): value for key, value in entry.items()}
    return entry


class _PromptFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    templates: list[Annotated[PromptTemplate, BeforeValidator(_with_template)]] | None = None
    flows: list[ConversationFlow] | None = None


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, for people to edit."""


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = all(line.isprintable() for line in text.split("\n"))  # PyYAML loses \x85 and its like outside double quotes
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if not plain else "|" if "\n" in text else None)


_Dumper.add_representer(str, _represented)


def read_directory(directory: Path) -> PromptSet:
    """What its .yaml and .yml files hold; the later file wins. Raises LLMConfigurationError for a file that is wrong."""
    prompts = PromptSet()
    for path in _files(directory):
        content = _read(path)
        prompts.templates.update({template.name: template for template in content.templates or ()})
        prompts.flows.update({flow.flow_id: flow for flow in content.flows or ()})
    return prompts


def file_stamp(directory: Path) -> FileStamp:
    """A value that changes when a file of the directory comes, goes or is written; empty if there is no directory."""
    try:
        return tuple((path.name, status.st_mtime_ns, status.st_size) for path in _files(directory) for status in [path.stat()])
    except (OSError, LLMConfigurationError):  # it is being moved: the next look will tell
        return ()


def write_file(path: Path, prompts: PromptSet) -> None:
    """Write what `read_directory` reads; raises LLMConfigurationError if that is not possible."""
    by_name = (sorted(prompts.templates.items()), sorted(prompts.flows.items()))
    templates, flows = ([value for _, value in items] for items in by_name)
    content = _PromptFile.model_construct(templates=templates, flows=flows)
    try:
        plain = content.model_dump(mode="json", exclude_defaults=True, warnings=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True), encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _wrong(path, error) from error


def _files(directory: Path) -> list[Path]:
    if not directory.is_dir():
        raise _wrong(directory, NotADirectoryError("this is no directory of template files"))
    return sorted([*directory.glob("*.yaml"), *directory.glob("*.yml")])


def _read(path: Path) -> _PromptFile:
    try:
        content = _PromptFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
        for entry in (*(content.templates or ()), *(content.flows or ())):
            entry.check()
        return content
    except (OSError, UnicodeError, yaml.YAMLError, ValidationError, LLMConfigurationError) as error:
        raise _wrong(path, error) from error


def _wrong(path: Path, error: Exception) -> LLMConfigurationError:
    return LLMConfigurationError(f"{path}: {error}", config_key="template_directory", config_value=str(path), cause=error)
