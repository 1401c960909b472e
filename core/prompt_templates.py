"""Prompt templates as values: a text, how it is written, and the prompt it makes of variables."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from pydantic import ConfigDict

from .canonical import digest
from .exceptions import LLMConfigurationError
from .prompt_rendering import TemplateFormat, compiled, rendered


@dataclass(frozen=True)
class PromptTemplate:
    """A prompt with gaps. `format` brace knows {name}, {{ and }}; jinja also knows `for`, `if` and a few filters."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", coerce_numbers_to_str=True)  # for the files it is read from

    name: str
    template: str
    variables: list[str] = field(default_factory=list)
    """For the reader: what counts is what the text uses."""
    metadata: dict[str, Any] = field(default_factory=dict)  # JSON
    format: TemplateFormat = field(default="brace", kw_only=True)
    version: str = field(default="1.0", kw_only=True)
    description: str = field(default="", kw_only=True)

    def render(self, /, **values: Any) -> str:  # whatever the template shows
        """The prompt; raises KeyError for a variable that a brace text misses, LLMConfigurationError for all else."""
        try:
            return rendered(self.format, self.template, values)
        except ValueError as error:
            raise self._error(error) from error

    def check(self) -> None:
        """Raise LLMConfigurationError if the text is not written as its format wants it."""
        try:
            compiled(self.format, self.template)
        except ValueError as error:
            raise self._error(error) from error

    @property
    def origin(self) -> dict[str, str]:
        """Which template this is, for the metadata of what it made."""
        return {"template": self.name, "template_version": self.version, "template_hash": self.text_hash}

    @property
    def text_hash(self) -> str:
        """Equal for equal texts in the same format, whatever they are called."""
        return digest([self.format, self.template])

    def _error(self, error: ValueError) -> LLMConfigurationError:
        return LLMConfigurationError(f"template {self.name!r}: {error}", config_key="template_variables", cause=error)
