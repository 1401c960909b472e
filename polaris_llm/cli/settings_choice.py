"""Options that say which settings a command works with: a file, a provider, single values."""

from dataclasses import dataclass, replace
from typing import Any

import click
import yaml

from ..core.exceptions import LLMConfigurationError
from ..core.settings import Settings
from .commands import taken_together


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChoice:
    """A settings file, if any, and what is said instead of it, or in addition."""

    settings: str | None
    profile: str | None
    provider: str | None
    base_url: str | None
    model: str | None
    api_key: str | None
    changes: tuple[str, ...]
    """Each PATH=VALUE."""

    def load(self, *changes: str) -> Settings:
        """The settings, with further changes that yield to the user's; raises LLMConfigurationError."""
        base = Settings.load(self.settings, self.profile) if self.settings else Settings()
        content = base.model_dump(mode="json")
        for change in (*changes, *self._spelled(), *self.changes):
            _put(content, *parsed_change(change, "--set"))
        return Settings.load_with_notes(content).settings  # notes on a file's settings were given when it was read

    def with_changes(self, *changes: str) -> "SettingsChoice":
        """The choice with further changes, which yield to the user's."""
        return replace(self, changes=(*changes, *self.changes))

    @property
    def is_made(self) -> bool:
        """Whether the user said anything."""
        return any((self.settings, self.profile, self.changes, *self._llm.values()))

    def arguments(self) -> list[str]:
        """The command-line arguments that make this choice."""
        given = {"settings": self.settings, "profile": self.profile} | self._llm
        options = [text for name, value in given.items() if value is not None for text in (f"--{name.replace('_', '-')}", value)]
        return [*options, *(text for change in self.changes for text in ("--set", change))]

    @property
    def _llm(self) -> dict[str, str | None]:
        return {"provider": self.provider, "base_url": self.base_url, "model": self.model, "api_key": self.api_key}

    def _spelled(self) -> list[str]:
        names = {"provider": "kind"}
        return [f"llm.{names.get(name, name)}={yaml.safe_dump(value)}" for name, value in self._llm.items() if value is not None]


settings_options = taken_together(
    "choice",
    SettingsChoice,
    click.option("--settings", metavar="FILE", help="A settings file; `polaris-llm config check FILE` says what it does."),
    click.option("--profile", metavar="NAME", help="Which of the file's profiles.  [default: what POLARIS_ENVIRONMENT says]"),
    click.option(
        "--provider", metavar="KIND", help="Who answers: mock, local, openai, azure, ... (the setting llm.kind).  [default: mock]"
    ),
    click.option("--base-url", metavar="URL", help="Where the model server is, such as http://127.0.0.1:8080/v1."),
    click.option("--model", metavar="NAME", help="The model's name."),
    click.option(
        "--api-key", metavar="PLACE", help="Where the key is found: env:NAME, file:PATH or call:MODULE:FUNCTION, never the key itself."
    ),
    click.option("--set", "changes", metavar="PATH=VALUE", multiple=True, help="Any setting, such as llm.timeout_s=20; may be repeated."),
)


def parsed_change(change: str, option: str) -> tuple[list[str], Any]:  # JSON
    """The path of a setting and its new value; raises LLMConfigurationError for what is no PATH=VALUE of YAML."""
    path, equals, value = change.partition("=")
    if not equals or not all(path.split(".")):
        message = f"{option} {change!r} is no PATH=VALUE: write it like {option} llm.timeout_s=20"
        raise LLMConfigurationError(message, config_key=path or option)
    try:
        return path.split("."), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise LLMConfigurationError(f"{option} {path}: the value is no YAML ({type(error).__name__}): put it in quotes", path) from None


def _put(content: dict[str, Any], path: list[str], value: Any) -> None:  # JSON
    *sections, name = path
    for section in sections:
        inner = content.get(section)
        if not isinstance(inner, dict):
            inner = content[section] = {}
        content = inner
    content[name] = value
