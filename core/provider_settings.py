"""The settings of one model endpoint."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, Field, JsonValue, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from .provider_names import is_provider_name
from .providers.capabilities import FEATURES
from .providers.registry import PROVIDERS, find_provider, supported_names
from .secrets import HIDDEN_INPUT, SecretFunction, SecretReference
from .sections import ImportReference, Name, Placed, Section

MOCK_MODEL = "mock-model"


def _header_value(value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise PydanticCustomError(HIDDEN_INPUT, "expected printable ASCII characters, which is all that a header may hold")
    return value


HeaderValue = Annotated[str, AfterValidator(_header_value)]


def _capability(name: str) -> str:
    if name not in FEATURES:
        raise ValueError(f"expected one of {', '.join(FEATURES)}")
    return name


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


class PriceSettings(Section):
    """US dollars for a million tokens of one model."""

    input_usd: float = Field(ge=0)
    output_usd: float = Field(ge=0)
    cache_read_usd: float | None = Field(default=None, ge=0)
    """None: as other input."""
    cache_write_usd: float | None = Field(default=None, ge=0)
    """None: as other input."""


class PromptCacheSettings(Section):
    """PromptCache of inference.py, which says what each of it does."""

    key: str | None = Field(default=None, min_length=1)
    after: tuple[Literal["tools", "system", "messages"], ...] = Field(default=(), strict=False)
    ttl: Literal["5m", "1h"] | None = None


class ProviderSettings(Placed):
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
    """env:NAME, file:PATH or call:MODULE:FUNCTION, read where the model is called, whenever it is needed."""
    api_keys: tuple[SecretReference, ...] = Field(default=(), strict=False)
    """Several keys in place of one: each call takes the one that is least in use."""
    entra_token: SecretReference | None = None
    """azure: an Entra token in place of a key, mostly call:MODULE:FUNCTION."""
    api_version: str | None = Field(default=None, min_length=1)
    """azure: a date asks the path of the model's deployment; None asks the surface v1."""
    model: str = Field(default=MOCK_MODEL, min_length=1, validation_alias=AliasChoices("model", "model_name"))
    max_tokens: int = Field(default=1000, ge=1)
    """Tokens of one answer."""
    temperature: float = Field(default=0.1, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    reasoning_effort: str | None = Field(default=None, min_length=1)
    """How hard the model is to think, in the provider's words, such as low or high."""
    service_tier: str | None = Field(default=None, min_length=1)
    """How soon, and at what price, the provider is to answer, in its words."""
    prompt_cache: PromptCacheSettings | None = None
    """How the provider is to keep the beginning of prompts."""
    timeout_s: float = Field(default=60.0, gt=0, validation_alias=AliasChoices("timeout_s", "timeout"))
    """Seconds for one attempt."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    read_timeout_s: float | None = Field(default=None, gt=0)
    """Seconds between two pieces of an answer; None leaves it to timeout_s."""
    proxy: Annotated[str, AfterValidator(_bare_url)] | None = None
    """None takes the environment's (HTTPS_PROXY, NO_PROXY and the like)."""
    ca_file: str | None = Field(default=None, min_length=1)
    """A PEM file of certificates that are trusted beside the usual ones."""
    headers: dict[Name, HeaderValue] = Field(default_factory=dict, repr=False)
    """Further headers of every call; they win over ours."""
    http2: bool = False
    """Whether HTTP/2 is spoken with servers that can; needs the extra `http2`."""
    max_retries: int = Field(default=3, ge=0)
    """Attempts after the first."""
    retry_delay_s: float = Field(default=1.0, gt=0, validation_alias=AliasChoices("retry_delay_s", "retry_delay"))
    """Seconds before the second attempt, about; later waits grow from it."""
    max_in_flight: int = Field(default=256, ge=1)
    """Calls under way at once; further ones are refused with a hint when to come back."""
    lacks: tuple[Annotated[str, AfterValidator(_capability)], ...] = Field(default=(), strict=False)
    """What this server or its model cannot do, though the wire has a place for it, such as json_schema or seed."""
    prices: dict[str, PriceSettings] = Field(default_factory=dict)
    """By model; they win over those of genai-prices (extra `pricing`)."""
    base_model: str | None = Field(default=None, min_length=1)
    """What `model` was made from or deploys: it takes what that takes, and costs the same where it has no price of its own."""
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

    @property
    def keys(self) -> tuple[str | SecretStr | SecretFunction, ...]:
        """Where all keys are found; an Entra token stands for one."""
        single = self.api_key or self.entra_token
        return (single, *self.api_keys) if single else self.api_keys

    @property
    def endpoint(self) -> dict[str, JsonValue]:
        """What tells the model behind these settings from others, and holds no secret."""
        return self.model_dump(mode="json", include={"kind", "base_url", "wire", "api_version", "model", "base_model", "script"})

    @model_validator(mode="after")
    def _complete(self) -> "ProviderSettings":
        problems = _missing(self) if self.kind != "mock" else ()
        if problems:
            raise ValueError(f"kind {self.kind!r} {', '.join(problems)}")
        return self


_AZURE_ONLY = ("entra_token", "api_version")
_WISHES = ("top_p", "reasoning_effort", "service_tier", "prompt_cache")
_HTTP_ONLY = (*_WISHES, "api_keys", "read_timeout_s", "proxy", "ca_file", "headers", "http2", "lacks", "prices", "base_model", "extras")
_MOCK_ONLY = ("script", "latency_s", "jitter", "failure_rate", "seed")


def _missing(settings: ProviderSettings) -> tuple[str, ...]:
    provider = find_provider(settings.kind)
    needed = (
        ("model", settings.model == MOCK_MODEL),
        ("api_key", provider is not None and provider.needs_key and not settings.keys),
        ("base_url", provider is not None and not (settings.base_url or provider.base_url)),
    )
    spoken = [wire.name for wire in provider.wires] if provider else []
    is_spoken = settings.wire is None or settings.wire in spoken
    unspoken = [] if is_spoken else [f"does not speak the wire {settings.wire!r}: it speaks {', '.join(spoken) or 'its own alone'}"]
    foreign = [(name, "mock") for name in _MOCK_ONLY if _is_set(settings, name)]
    foreign += [(name, "azure") for name in _AZURE_ONLY if settings.kind != "azure" and _is_set(settings, name)]
    passed_on = () if provider else [name for name in _HTTP_ONLY if _is_set(settings, name)]
    return (
        *(f"needs {name}" for name, missing in needed if missing),
        *unspoken,
        *(f"has no {name} (its client is registered as a class, which takes a configuration alone)" for name in passed_on),
        *(f"has no {name} (that is for kind {kind!r})" for name, kind in foreign),
    )


def _is_set(settings: ProviderSettings, name: str) -> bool:
    return bool(getattr(settings, name) != ProviderSettings.model_fields[name].get_default(call_default_factory=True))
