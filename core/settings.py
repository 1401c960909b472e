"""Every setting of the package, with its unit and its default: one frozen value, made from one YAML file, a mapping, or nothing."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, JsonValue, ValidationError, model_validator

from .canonical import digest
from .exceptions import LLMConfigurationError
from .polaris_config import POLARIS_SECTIONS, Note, llm_section, translate
from .pool_settings import MEGABYTE, NeedsSettings, PoolSettings, ToolRegistrySettings
from .provider_settings import ProviderSettings
from .runs import Protocol, RunLimits
from .sections import Name, Placed, Section
from .settings_errors import configuration_error
from .settings_file import PROFILE_VARIABLE, of_profile, profiles_of, read_settings_file, substituted

logger = logging.getLogger(__name__)

_LIMITS = RunLimits()


class ToolSettings(NeedsSettings):
    """What holds for the tool of one name; it goes before what the tool says of itself."""

    enabled: bool = True
    """Whether the pool offers the tool, if tool_registry.tools lists it."""
    timeout_s: float | None = Field(default=None, gt=0, validation_alias=AliasChoices("timeout_s", "timeout"))
    """Seconds of one call; None leaves it to the tool, and then to tool_registry.timeout_s."""
    max_result_chars: int | None = Field(default=None, ge=1)
    """Characters of one result, where that is less than tool_registry.max_result_chars."""
    cache_ttl_s: float | None = Field(default=None, ge=0, validation_alias=AliasChoices("cache_ttl_s", "cache_ttl"))
    """Seconds a result answers equal calls too; 0 keeps nothing, None leaves it to the tool. Never for a tool of effect once."""


class PromptSettings(Section):
    """Where prompts come from."""

    template_directory: str | None = Field(default=None, min_length=1)
    """Its YAML files win over the package's own templates; a relative path starts at the process's working directory."""
    enable_custom_templates: bool = True
    """Whether a file's template_directory is taken."""


class ConversationSettings(Placed):
    """The limits of a run, where the run sets none, the hosts that sessions live in, and what a ConversationManager keeps."""

    max_steps: int = Field(default=_LIMITS.max_steps, ge=1)
    """Model calls of one run."""
    deadline_s: float = Field(default=_LIMITS.deadline_s, gt=0)
    """Seconds from a run's start to its end."""
    caller_timeout_s: float = Field(default=_LIMITS.caller_timeout_s, gt=0)
    """Seconds a run waits for the process that holds its live tools to come back."""
    protocol: Protocol = "native"
    hosts: int = Field(default=1, ge=1)
    """Conversation hosts, each a process."""
    max_sessions_per_host: int = Field(default=2000, ge=1)
    max_own_hosts: int = Field(default=16, ge=1)
    """Sessions of isolation "process" that have a run under way; each has a host of its own, and further ones wait."""
    max_conversations: int = Field(default=1000, ge=1)
    """Of one ConversationManager."""
    max_messages_per_conversation: int = Field(default=100, ge=1)
    """The oldest go first."""
    cleanup_interval_hours: float = Field(default=24.0, gt=0)
    """Hours after which a ConversationManager lets go of a conversation that nobody used."""


class CachingSettings(Placed):
    """What is kept of models' answers."""

    enabled: bool = True
    max_entries: int = Field(default=10_000, ge=1, validation_alias=AliasChoices("max_entries", "max_size"))
    max_bytes: int = Field(default=100 * MEGABYTE, ge=1)
    default_ttl_s: float = Field(default=300.0, ge=0, validation_alias=AliasChoices("default_ttl_s", "default_ttl"))
    """Seconds an answer is kept; 0 keeps nothing."""
    max_temperature: float = Field(default=0.3, ge=0)
    """Answers sampled hotter than this are not kept, unless a request asks for it."""


class RuntimeSettings(Placed):
    """Where the actors live, but for those whose own sections have labels, and how long they wait."""

    name: Name = "polaris"
    """The runtime's name: actors are found by it."""
    namespace: Name = "polaris"
    """Ray's namespace."""
    engine: Literal["ray", "inline"] = "ray"
    """inline keeps everything in this process and needs no Ray."""
    address: str | None = None
    """The cluster to join; None starts a local Ray, where none is running."""
    detached: bool = False
    """Whether the runtime outlives the process that started it."""
    object_store_bytes: int = Field(default=100 * MEGABYTE, ge=75 * 1024 * 1024)
    """Of a local Ray; it takes no less than 75 MiB."""
    num_cpus: int | None = Field(default=None, ge=1)
    """CPUs of a local Ray; None counts them."""
    connect_timeout_s: float = Field(default=30.0, gt=0)
    """Seconds in which a cluster that is joined must answer, and then a runtime on it."""
    start_timeout_s: float = Field(default=120.0, gt=0)
    """Seconds in which an actor must have started; more, where a cluster first has to launch a node for it."""
    ask_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds for the answer to a message that brings no deadline."""
    lease_s: float = Field(default=30.0, gt=0)
    """Seconds after which a process that collects nothing counts as gone."""
    journal_max_bytes: int = Field(default=256 * MEGABYTE, ge=1)
    """Bytes of the journal in memory; the logs of sessions that ended first go first."""
    journal_max_sessions: int = Field(default=10_000, ge=1)
    pickle_round_trip: bool = False
    """inline: pickle every message, so that what would not cross a process fails here too."""

    @model_validator(mode="after")
    def _of_one_engine(self) -> "RuntimeSettings":
        if self.engine == "inline" and (self.address is not None or self.detached):
            raise ValueError("engine 'inline' lives in one process: it takes neither address nor detached")
        return self


class Settings(Section):
    """All settings; `Settings()` is a local Ray engine with the mock provider, everything in memory."""

    llm: ProviderSettings | None = None
    """The provider named "default", written at the top."""
    providers: dict[Name, ProviderSettings] = Field(default_factory=dict)
    tool_registry: ToolRegistrySettings = ToolRegistrySettings()
    tools: dict[Name, ToolSettings] = Field(default_factory=dict)
    prompt_management: PromptSettings = PromptSettings()
    conversation_management: ConversationSettings = ConversationSettings()
    caching: CachingSettings = CachingSettings()
    runtime: RuntimeSettings = RuntimeSettings()

    @model_validator(mode="after")
    def _one_default(self) -> "Settings":
        if self.llm is not None and "default" in self.providers:
            raise ValueError("llm and providers.default are two names of one provider: keep one of them")
        return self

    @classmethod
    def load(
        cls,
        source: str | Path | Mapping[str, Any] | None = None,  # JSON, checked below
        profile: str | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> "Settings":
        """The settings of a YAML file or a mapping, or the default ones; raises LLMConfigurationError with all that is wrong.

        A file with profiles is read as one of them: `profile`, else what POLARIS_ENVIRONMENT says.
        """
        loaded = cls.load_with_notes(source, profile, environ)
        unused = sum(not note.is_used for note in loaded.notes)
        if unused:
            logger.warning("%s: %d settings are not used; `polaris-llm config check` tells which, and why", loaded.source, unused)
        return loaded.settings

    @classmethod
    def load_with_notes(
        cls,
        source: str | Path | Mapping[str, Any] | None = None,  # as in `load`
        profile: str | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> "LoadedSettings":
        """What `load` gives, with a note on each setting that was written."""
        is_file = isinstance(source, str | Path)
        content = read_settings_file(Path(source)) if isinstance(source, str | Path) else dict(source or {})
        where = str(source) if is_file else "settings"
        profiles = profiles_of(content, (*cls.model_fields, *POLARIS_SECTIONS))
        chosen = _chosen(profiles, profile, where, environ)
        if chosen is not None:
            where, content = f"{where}, profile {chosen}", of_profile(content, profiles, chosen)
        translation = translate(substituted(content, where, environ) if is_file else content, cls)
        return LoadedSettings(settings=cls._checked(translation.content, where), notes=translation.notes, source=where)

    @classmethod
    def from_polaris_config(cls, raw: Mapping[str, Any]) -> "Settings":  # what POLARIS read
        """The settings for `PolarisConfiguration.get_raw_config()`, or its section `llm`; its key is kept as a secret.

        Other sections, and names in `llm` that mean nothing here, are ignored with a warning.
        """
        sections = raw if isinstance(raw.get("llm"), Mapping) else {"llm": raw}
        known = {name: value for name, value in sections.items() if name in (*cls.model_fields, *POLARIS_SECTIONS)}
        return cls.load({**known, "llm": llm_section(sections["llm"], cls)})

    @classmethod
    def _checked(cls, content: dict[str, Any], source: str) -> "Settings":  # JSON, checked here
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            problems = error
        raise configuration_error(cls, problems, source)  # not `from` it: it may hold a secret

    def provider(self, name: str = "default") -> ProviderSettings:
        """The provider of that name; raises LLMConfigurationError for an unknown one."""
        known = self.all_providers
        if name not in known:
            raise LLMConfigurationError(f"unknown provider {name!r}; known: {', '.join(known)}", config_key="providers", config_value=name)
        return known[name]

    @property
    def all_providers(self) -> dict[str, ProviderSettings]:
        """Every provider by its name, the default one first."""
        return {"default": self.llm or ProviderSettings(), **self.providers}

    def place_of(self, section: Placed) -> Placed:
        """Which section says where a section's actors live: itself, else for a tool pool the default one, else runtime."""
        sections = (section, self.tool_registry) if isinstance(section, PoolSettings) else (section,)
        return next((place for place in sections if place.labels), self.runtime)

    def fingerprint(self) -> str:
        """The same 64 hexadecimal digits for the same settings in every process; it hangs on where secrets are, not on what they are."""
        sections: dict[str, JsonValue] = self.model_dump(mode="json", exclude={"llm", "providers"})
        providers = {name: settings.model_dump(mode="json") for name, settings in self.all_providers.items()}
        return digest({**sections, "providers": providers})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSettings:
    """Settings, and what became of all that was written."""

    settings: Settings
    notes: tuple[Note, ...]
    source: str
    """The file, and the profile of it that was read."""


def _chosen(profiles: tuple[str, ...], profile: str | None, source: str, environ: Mapping[str, str]) -> str | None:
    """The profile to read; None where there are none."""
    wanted = profile or (environ.get(PROFILE_VARIABLE) if profiles else None)
    if wanted in profiles or (wanted is None and not profiles):
        return wanted
    known = f"its profiles: {', '.join(profiles)}" if profiles else "it has no profiles: leave the profile out"
    problem = f"no profile {wanted!r}" if wanted else f"which profile? Name one, or set {PROFILE_VARIABLE}"
    raise LLMConfigurationError(f"{source}: {problem}; {known}", config_key="profile", config_value=wanted)
