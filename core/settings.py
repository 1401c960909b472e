"""Every setting of the package, with its unit and its default: one frozen value, made from one YAML file, a mapping, or nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, JsonValue, ValidationError, model_validator

from .canonical import digest
from .exceptions import LLMConfigurationError
from .provider_settings import ImportReference, Name, ProviderSettings, Section
from .runs import Protocol, RunLimits
from .settings_errors import configuration_error
from .settings_file import read_settings_file
from .tool_results import MAX_RESULT_CHARACTERS

_LIMITS = RunLimits()
_MB = 1_000_000


class ToolRegistrySettings(Section):
    """Which tools there are, and the workers that run them."""

    tools: tuple[ImportReference, ...] = Field(
        default=("polaris_llm.core.tool_registry:EchoTool", "polaris_llm.core.tool_registry:CalculatorTool"), strict=False
    )
    """Where the tools are found, each `module:attribute`."""
    workers: int = Field(default=2, ge=1)
    children_per_worker: int = Field(default=2, ge=1)
    """Child processes of one worker, for synchronous and CPU-bound tools."""
    timeout_s: float = Field(default=30.0, gt=0)
    """Seconds of one call, where the tool itself says nothing."""
    max_result_chars: int = Field(default=MAX_RESULT_CHARACTERS, ge=1)
    """Characters of one result, as JSON; a longer one is an error of its tool."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Node labels that workers are placed by."""


class ConversationSettings(Section):
    """The limits of a run, where the run sets none, and the hosts that sessions live in."""

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


class CachingSettings(Section):
    """What is kept of models' answers."""

    enabled: bool = True
    max_entries: int = Field(default=10_000, ge=1)
    max_bytes: int = Field(default=100 * _MB, ge=1)
    default_ttl_s: float = Field(default=300.0, ge=0)
    """Seconds an answer is kept; 0 keeps nothing."""
    max_temperature: float = Field(default=0.3, ge=0)
    """Answers sampled hotter than this are not kept, unless a request asks for it."""


class RuntimeSettings(Section):
    """Where the actors live, and how long they wait."""

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
    object_store_bytes: int = Field(default=100 * _MB, ge=75 * 1024 * 1024)
    """Of a local Ray; it takes no less than 75 MiB."""
    num_cpus: int | None = Field(default=None, ge=1)
    """CPUs of a local Ray; None counts them."""
    ask_timeout_s: float = Field(default=60.0, gt=0)
    """Seconds for the answer to a message that brings no deadline."""
    lease_s: float = Field(default=30.0, gt=0)
    """Seconds after which a process that collects nothing counts as gone."""
    journal_max_bytes: int = Field(default=256 * _MB, ge=1)
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
    conversation_management: ConversationSettings = ConversationSettings()
    caching: CachingSettings = CachingSettings()
    runtime: RuntimeSettings = RuntimeSettings()

    @model_validator(mode="after")
    def _one_default(self) -> "Settings":
        if self.llm is not None and "default" in self.providers:
            raise ValueError("llm and providers.default are two names of one provider: keep one of them")
        return self

    @classmethod
    def load(cls, source: str | Path | Mapping[str, Any] | None = None) -> "Settings":  # JSON, checked below
        """The settings of a YAML file or a mapping, or the default ones; raises LLMConfigurationError with all that is wrong."""
        if source is None:
            return cls()
        if isinstance(source, Mapping):
            return cls._checked(dict(source), "settings")
        return cls._checked(read_settings_file(Path(source)), str(source))

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

    def fingerprint(self) -> str:
        """The same 64 hexadecimal digits for the same settings in every process; it hangs on where secrets are, not on what they are."""
        sections: dict[str, JsonValue] = self.model_dump(mode="json", exclude={"llm", "providers"})
        providers = {name: settings.model_dump(mode="json") for name, settings in self.all_providers.items()}
        return digest({**sections, "providers": providers})
