"""Prompt templates by name: read from YAML, rendered without giving a template anything but its variables."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import yaml
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, ValidationError

from .exceptions import LLMConfigurationError

BUILT_IN = Path(__file__).parent.parent / "templates"
"""The package's own templates; the same folder whether `core` is reached through the package or stands beside it."""

_JINJA = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)


class Template(BaseModel):
    """A prompt: its text, the variables it needs, and how it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    template: str
    description: str = ""
    version: str = "1.0"
    variables: tuple[str, ...] = ()
    format: Literal["jinja"] = "jinja"


class _TemplateFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    templates: tuple[Template, ...] = ()


class PromptManager:
    """Templates by name: the built-in ones, and those of a directory, which win."""

    def __init__(self, template_directory: str | Path | None = None) -> None:
        self._templates: dict[str, Template] = {}
        for directory in (BUILT_IN, *([Path(template_directory)] if template_directory else [])):
            for template in _read_all(directory):
                self._templates[template.name] = template

    def list_templates(self) -> list[str]:
        """The names, sorted."""
        return sorted(self._templates)

    def render_template(self, name: str, **variables: Any) -> str:  # whatever the template shows
        """The prompt; raises LLMConfigurationError for an unknown template, or a variable that is missing."""
        template = self._templates.get(name)
        if template is None:
            message = f"unknown template {name!r}; known: {', '.join(self.list_templates())}"
            raise LLMConfigurationError(message, config_key="template_name", config_value=name)
        missing = [variable for variable in template.variables if variable not in variables]
        if missing:
            raise LLMConfigurationError(
                f"template {name!r} needs {', '.join(missing)}", config_key="template_variables", config_value=missing
            )
        try:
            return _JINJA.from_string(template.template).render(**variables).strip()
        except TemplateError as error:
            raise LLMConfigurationError(f"template {name!r}: {error.message}", config_key="template_variables", cause=error) from error


def _read_all(directory: Path) -> Iterable[Template]:
    for path in sorted([*directory.glob("*.yaml"), *directory.glob("*.yml")]):
        yield from _read(path).templates


def _read(path: Path) -> _TemplateFile:
    try:
        return _TemplateFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise LLMConfigurationError(f"{path}: {error}", config_key="template_directory", config_value=str(path), cause=error) from error
