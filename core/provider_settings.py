"""The settings of one model endpoint, and the base of all sections: frozen, strict, and without unknown names."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from .provider_names import is_provider_name
from .providers.registry import PROVIDERS, find_provider, supported_names
from .secrets import HIDDEN_INPUT, SecretReference


def _spelled(pattern: str, expected: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


ImportReference = Annotated[str, _spelled(r"[^\W\d][\w.]*:[^\W\d][\w.]*", "module:attribute")]
"""What code is found by."""

Name = Annotated[str, _spelled(r"[A-Za-z0-9][A-Za-z0-9_.-]*", "a name of letters, digits, '.', '_' and '-'")]

MOCK_MODEL = "mock-model"


class Section(BaseModel):
    """One section of the settings: a typo, a wrong type or an infinite number fails at start."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True, use_attribute_docstrings=True
    )


def _bare_url(value: str) -> str:
    if not _is_bare_url(value):
        raise PydanticCustomError(HIDDEN_INPUT, "expected http(s)://HOST[:PORT][/PATH], without user, password or query")
    return value.rstrip("/")


def _is_bare_url(value: str) -> bool:
    try:
        url = urlsplit(value)
        has_port = url.port is None or url.port > 0
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(url.hostname) and has_port and not re.search(r"[@?#\s]", value)


def _known(name: str) -> str:
    if name == "mock" or name in PROVIDERS or is_provider_name(name):
        return name
    raise ValueError(f"no such provider; supported: {', '.join(supported_names())}, or where one is found: module:attribute")


class ProviderSettings(Section):
    """One model endpoint. POLARIS's names (provider, api_endpoint, model_name, timeout, retry_delay) are understood as well."""

    kind: Annotated[str, AfterValidator(_known)] = Field(default="mock", validation_alias=AliasChoices("kind", "provider"))
    """mock answers without a network; local is any server of one's own that speaks one of the wires, such as OpenAI's chat completions."""
    base_url: Annotated[str, AfterValidator(_bare_url)] | None = Field(
        default=None, validation_alias=AliasChoices("base_url", "api_endpoint")
    )
    """None takes the provider's own; local needs one."""
    wire: str | None = None
    """Which of a provider's wires is spoken, such as openai_chat; None takes its usual one."""
    api_key: SecretReference | None = None
    """env:NAME or file:PATH, read where the model is called."""
    model: str = Field(default=MOCK_MODEL, min_length=1, validation_alias=AliasChoices("model", "model_name"))
    max_tokens: int = Field(default=1000, ge=1)
    """Tokens of one answer."""
    temperature: float = Field(default=0.1, ge=0, le=2)
    timeout_s: float = Field(default=60.0, gt=0, validation_alias=AliasChoices("timeout_s", "timeout"))
    """Seconds for one attempt."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    max_retries: int = Field(default=3, ge=0)
    """Attempts after the first."""
    retry_delay_s: float = Field(default=1.0, gt=0, validation_alias=AliasChoices("retry_delay_s", "retry_delay"))
    """Seconds before the second attempt, about; later waits grow from it."""
    max_in_flight: int = Field(default=256, ge=1)
    """Calls under way at once; further ones are refused with a hint when to come back."""
    extras: dict[str, JsonValue] = Field(default_factory=dict)
    """Further parameters of this provider's API, sent with every request; a request's own, sorted by wire, win over them."""
    script: ImportReference | None = None
    """mock: the function `module:function` that answers, from ModelRequest to ModelResponse."""
    latency_s: float = Field(default=0.0, ge=0)
    """mock: seconds before an answer."""
    jitter: float = Field(default=0.0, ge=0, le=1)
    """mock: the part of latency_s by which it varies, 0 to 1."""
    failure_rate: float = Field(default=0.0, ge=0, le=1)
    """mock: the part of attempts that fail, 0 to 1."""
    seed: int = 0
    """mock: where the schedule of latency and failures starts."""

    @model_validator(mode="after")
    def _complete(self) -> "ProviderSettings":
        problems = _missing(self) if self.kind != "mock" else ()
        if problems:
            raise ValueError(f"kind {self.kind!r} {', '.join(problems)}")
        return self


_MOCK_ONLY = ("script", "latency_s", "jitter", "failure_rate", "seed")


def _missing(settings: ProviderSettings) -> tuple[str, ...]:
    provider = find_provider(settings.kind)
    needed = (
        ("model", settings.model == MOCK_MODEL),
        ("api_key", provider is not None and provider.needs_key and not settings.api_key),
        ("base_url", provider is not None and not (settings.base_url or provider.base_url)),
    )
    spoken = [wire.name for wire in provider.wires] if provider else []
    foreign = [name for name in _MOCK_ONLY if getattr(settings, name) != ProviderSettings.model_fields[name].default]
    return (
        *(f"needs {name}" for name, missing in needed if missing),
        *([f"does not speak the wire {settings.wire!r}: it speaks {', '.join(spoken)}"] if settings.wire not in (None, *spoken) else []),
        *(f"has no {name} (that is for kind 'mock')" for name in foreign),
    )
