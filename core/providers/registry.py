"""The providers that the package knows: which wires each speaks, where, and what it needs. To add one, add a codec and a line here.

Other packages register theirs: by code, or as an entry point.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from ..exceptions import LLMConfigurationError
from ..inference import ModelRequest
from ..provider_names import announce, entry_point, is_import_reference, other_names
from .anthropic import ANTHROPIC_URL, AnthropicCodec
from .anthropic_messages import WIRE as ANTHROPIC
from .anthropic_models import can_be_forced
from .anthropic_schema import can_hold
from .azure import AzureCodec, Deployment
from .capabilities import Capabilities
from .exchange import Codec
from .google import GOOGLE_URL, GoogleCodec
from .google_contents import WIRE as GOOGLE
from .openai_chat import OpenAIChatCodec
from .openai_chat_reply import WIRE as OPENAI_CHAT
from .openai_responses import OpenAIResponsesCodec
from .openai_responses_items import WIRE as OPENAI_RESPONSES
from .openai_shared import OPENAI_URL
from .openai_strict import is_strict


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where and as whom a provider is asked: what a codec is made from."""

    provider: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    bearer: bool = False
    """Whether the key is an Entra token."""
    api_version: str | None = None
    keep_raw: bool = False
    base_models: Mapping[str, str] = field(default_factory=dict)
    """What models of one's own were made from or deploy."""


class CodecClass(Protocol):
    """A codec that needs no more than an endpoint."""

    def __call__(self, *, provider: str, base_url: str, api_key: str | None, keep_raw: bool) -> Codec:
        """The codec for an endpoint."""
        ...


def _any_schema(schema: dict[str, Any]) -> bool:
    return True


def _any_request(request: ModelRequest, base_model: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFormat:
    """One wire of a provider: its name, what reads and writes it, and what it has a place for."""

    name: str
    codec: Callable[[Endpoint], Codec]
    capabilities: Capabilities = Capabilities()
    can_hold: Callable[[dict[str, Any]], bool] = _any_schema
    """Whether a server that sees to JSON schemas can see to this one."""
    can_be_forced: Callable[[ModelRequest, str], bool] = _any_request
    """Whether a model, judged by what it was made from, can be made to call a tool by this request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A kind of model server."""

    name: str
    wires: tuple[WireFormat, ...]
    """The usual one first."""
    base_url: str | None = None
    """Where it is; None when everybody has their own."""
    needs_key: bool = True
    idempotency_header: str | None = None
    """Where a call says that it is the one which was sent before."""

    def wire(self, name: str | None = None) -> WireFormat:
        """The wire of a name, or the usual one; raises LLMConfigurationError for one that the provider does not speak."""
        wanted = name or self.wires[0].name
        found = next((wire for wire in self.wires if wire.name == wanted), None)
        if found is None:
            spoken = ", ".join(wire.name for wire in self.wires)
            message = f"{self.name} does not speak the wire {wanted!r}; it speaks {spoken}"
            raise LLMConfigurationError(message, config_key="wire", config_value=wanted, provider=self.name)
        return found


def plain(codec: CodecClass) -> Callable[[Endpoint], Codec]:
    """What makes a codec of an endpoint, for a codec that takes nothing else."""

    def of(endpoint: Endpoint) -> Codec:
        return codec(provider=endpoint.provider, base_url=endpoint.base_url, api_key=endpoint.api_key, keep_raw=endpoint.keep_raw)

    return of


def by_model(codec: Callable[..., Codec]) -> Callable[[Endpoint], Codec]:
    """The same, for a codec that judges by a model, or by what it was made from, what it takes."""
    return lambda endpoint: plain(partial(codec, base_models=endpoint.base_models))(endpoint)


def azure(codec: Callable[..., Codec], *, by_path: bool = True) -> Callable[[Endpoint], Codec]:
    """What makes a codec of an endpoint that is Azure's, for what OpenAI itself speaks."""

    def of(endpoint: Endpoint) -> Codec:
        deployment = Deployment(
            endpoint=endpoint.base_url,
            api_version=endpoint.api_version,
            by_path=by_path,
            key=endpoint.api_key,
            bearer=endpoint.bearer,
        )
        make = by_model(codec)
        return AzureCodec(deployment, lambda base_url: make(replace(endpoint, base_url=base_url, api_key=None)))

    return of


CHAT = WireFormat(name=OPENAI_CHAT, codec=by_model(OpenAIChatCodec), capabilities=Capabilities(prompt_cache_after=False))
MESSAGES = WireFormat(
    name=ANTHROPIC,
    codec=by_model(AnthropicCodec),
    capabilities=Capabilities(seed=False, prompt_cache_key=False),
    can_hold=can_hold,
    can_be_forced=can_be_forced,
)
GEMINI = WireFormat(
    name=GOOGLE,
    codec=by_model(GoogleCodec),
    capabilities=Capabilities().without("parallel_tool_calls", "prompt_cache_key", "prompt_cache_after", "prompt_cache_ttl"),
)
RESPONSES = WireFormat(
    name=OPENAI_RESPONSES,
    codec=by_model(OpenAIResponsesCodec),
    capabilities=Capabilities(stop=False, seed=False, prompt_cache_after=False),
    can_hold=is_strict,
)


def _without(wire: WireFormat, *features: str) -> WireFormat:
    """The wire as servers of one's own speak it, who pass over some of it without a word."""
    return replace(wire, capabilities=wire.capabilities.without(*features))


_FOR_OPENAI_ALONE = ("service_tier", "prompt_cache_key", "prompt_cache_ttl")
_OF_ONES_OWN = (
    _without(CHAT, *_FOR_OPENAI_ALONE),
    _without(RESPONSES, "json_schema", *_FOR_OPENAI_ALONE),  # llama.cpp passes over it
    _without(MESSAGES, "json_schema", "service_tier"),
)

PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider(name="openai", wires=(CHAT, RESPONSES), base_url=OPENAI_URL, idempotency_header="idempotency-key"),
        Provider(
            name="azure",
            wires=(
                replace(CHAT, codec=azure(partial(OpenAIChatCodec, official=True))),
                replace(RESPONSES, codec=azure(OpenAIResponsesCodec, by_path=False)),
            ),
        ),
        Provider(name="anthropic", wires=(MESSAGES,), base_url=ANTHROPIC_URL),
        Provider(name="google", wires=(GEMINI,), base_url=GOOGLE_URL),
        Provider(name="local", wires=_OF_ONES_OWN, needs_key=False),
    )
}
"""By name; those registered by code too."""


def register_provider(provider: Provider) -> None:
    """Make a provider known in this process under its name."""
    PROVIDERS[provider.name] = provider
    announce(provider.name)


def find_provider(name: str) -> Provider | None:
    """The provider of a name, or None when no `Provider` goes by it."""
    found = PROVIDERS.get(name) or load_offer(name)
    return found if isinstance(found, Provider) else None


def load_offer(name: str) -> Any:  # whatever stands there
    """What an installed package offers under a name, or what `module:attribute` names: a `Provider`, a client's class, or None."""
    try:
        if is_import_reference(name):
            module, _, attribute = name.partition(":")
            return getattr(importlib.import_module(module), attribute)
        offered = entry_point(name)
        return offered.load() if offered else None
    except (ImportError, AttributeError) as error:
        message = f"the provider {name!r} cannot be loaded: {error}; install its package where the model is called"
        raise LLMConfigurationError(message, config_key="provider", config_value=name) from error


def wire_names() -> set[str]:
    """The names of all wires that this process knows."""
    return {wire.name for provider in PROVIDERS.values() for wire in provider.wires}


def supported_names() -> list[str]:
    """The names of all providers that this process knows, the mock among them."""
    return [*PROVIDERS, "mock", *(name for name in other_names() if name not in PROVIDERS)]
