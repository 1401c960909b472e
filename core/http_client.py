"""The one client of all model servers: it fits a request to what the server can do, and asks it over a wire that its provider speaks."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import ClassVar

from pydantic import JsonValue, SecretStr

from .call_context import CallContext
from .deltas import StreamEvent, StreamFinished, StreamRestarted, UsageReport
from .exceptions import LLMConfigurationError
from .inference import ModelRequest, ModelResponse
from .llm_client import NO_SESSION, LLMClient
from .models import LLMConfiguration, LLMProvider
from .pricing import COST, Prices
from .providers.attempts import AttemptGate, RetryPolicy, Surroundings
from .providers.capabilities import WARNINGS, Fitted, fitted
from .providers.exchange import Codec
from .providers.extras import bring_tools, wire_extras
from .providers.http_model import HttpModel, RequestDefaults
from .providers.keys import Codecs, KeyReference, KeyRing
from .providers.registry import Endpoint, Provider, find_provider, supported_names, wire_names
from .providers.transport import HttpTransport
from .providers.wishes import Wishes
from .schema_ways import Way, way_of
from .stream_folding import unfold
from .structured import STRUCTURED_BY, answer_by_schema
from .usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """What an HTTP client takes beside its configuration."""

    transport: HttpTransport | None = None
    """None makes its own; one that is shared is closed by its clients all the same, and opens again when needed."""
    gate: AttemptGate | None = None
    keys: tuple[KeyReference, ...] = ()
    """Where keys are found whenever one is needed, in place of the configuration's; each call takes the least used."""
    bearer: bool = False
    """Whether they are Entra tokens (Azure)."""
    api_version: str | None = None
    """Azure: a date asks the deployment's own path, None the surface v1."""
    wire: str | None = None
    """Which of the provider's wires is spoken; None takes the usual one."""
    lacks: tuple[str, ...] = ()
    """Capabilities that this server or its model has not, though the wire has a place for them."""
    prices: Prices | None = None
    """What answers cost, told in their metadata; None tells nothing."""
    wishes: Wishes = Wishes()
    """What requests ask for that do not say."""
    extras: Mapping[str, JsonValue] = field(default_factory=dict)
    """Further parameters of that wire, for every request."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further headers of every call; they win over ours."""
    base_model: str | None = None
    """What the configuration's model was made from or deploys, by which it is judged what it takes."""
    keep_raw: bool = True
    """Whether responses carry the provider's payload, or their stream's events, in `metadata["raw_response"]`."""
    surroundings: Surroundings | None = None
    """Clock, sleep and chance of the attempts; None takes the real ones."""


class HttpClient(LLMClient):
    """Asks a model server, over any wire that its provider speaks."""

    provider: ClassVar[LLMProvider | None] = None
    """The one whose configurations a subclass takes; None takes any that is registered."""

    def __init__(self, config: LLMConfiguration, options: HttpOptions | None = None) -> None:
        super().__init__(config)
        options = options or HttpOptions()
        keys = options.keys or ((SecretStr(config.api_key),) if config.api_key else ())
        provider = self._checked(config, keys)
        wire = provider.wire(options.wire)
        self._wire = wire
        self._prices = options.prices
        self._wishes = options.wishes
        self._base_models = {config.model_name: options.base_model} if options.base_model else {}
        self.capabilities = wire.capabilities.without(*options.lacks)
        self._defaults = RequestDefaults(
            extras=options.extras,
            idempotency_header=provider.idempotency_header,
            headers={name.lower(): value for name, value in options.headers.items()},
        )
        self._model = HttpModel(
            self._codecs(provider, options, keys),
            options.transport or HttpTransport(),
            retry_policy(config),
            gate=options.gate,
            defaults=self._defaults,
            surroundings=options.surroundings,
        )

    async def respond(self, request: ModelRequest, call: CallContext = NO_SESSION) -> ModelResponse:
        """The model's answer; raises LLMAPIError and its kin, or LLMResponseParsingError. Its metadata warns of what was not sent."""
        fit = self._fitted(request)
        return await self._answer(fit, self._way(fit.request), call)

    async def stream_events(self, request: ModelRequest, call: CallContext = NO_SESSION) -> AsyncGenerator[StreamEvent, None]:
        """The answer as the server sends it; leaving early closes the connection. Raises as `respond` does."""
        fit = self._fitted(request)
        way = self._way(fit.request)
        if way is not None or not self.capabilities.streaming:
            for event in unfold(await self._answer(fit, way, call)):  # what may have to be mended is not shown before
                yield event
            return
        async with aclosing(self._model.stream(fit.request, call)) as events:
            usage = Usage()
            async for event in events:
                if isinstance(event, UsageReport | StreamRestarted):
                    usage = event.usage if isinstance(event, UsageReport) else Usage()
                yield self._finished(event, usage, fit) if isinstance(event, StreamFinished) else event

    async def _answer(self, fit: Fitted, way: Way | None, call: CallContext) -> ModelResponse:
        if way is None:
            response = await self._priced_answer(fit.request, call)
        else:
            response = await answer_by_schema(self._priced_answer, fit.request, way, call)
        told = _told(fit, way)
        return replace(response, metadata={**response.metadata, **told}) if told else response

    async def _priced_answer(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        response = await self._model.respond(request, call)
        cost = self._cost(request, response)
        return replace(response, metadata={**response.metadata, **cost}) if cost else response

    def _finished(self, end: StreamFinished, usage: Usage, fit: Fitted) -> StreamFinished:
        response = ModelResponse(model=end.model, parts=(), usage=usage, metadata=end.metadata)
        return replace(end, metadata={**end.metadata, **_told(fit, None), **self._cost(fit.request, response)})

    def _cost(self, request: ModelRequest, response: ModelResponse) -> dict[str, JsonValue]:
        cost_usd = self._prices.cost_of(response, request.model, request.service_tier) if self._prices else None
        return {} if cost_usd is None else {COST: cost_usd}

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        await self._model.close()

    def _checked(self, config: LLMConfiguration, keys: Sequence[KeyReference]) -> Provider:
        name = type(self).__name__
        if self.provider is not None and config.provider != self.provider:
            message = f"{name} requires provider to be {self.provider.name}, not {config.provider.upper()}"
            raise LLMConfigurationError(message, config_key="provider", config_value=str(config.provider))
        provider = find_provider(config.provider)
        if provider is None:
            raise unsupported(config.provider)
        if provider.needs_key and not keys:
            raise LLMConfigurationError(f"{name} needs an api_key", config_key="api_key", provider=provider.name)
        return provider

    def _way(self, request: ModelRequest) -> Way | None:
        """How a schema is asked for that the server does not see to."""
        schema, can = request.response_schema, self.capabilities
        if schema is None or (can.json_schema and self._wire.can_hold(schema)):
            return None
        return way_of(request, can_be_forced=can.tools and can.tool_choice and self._can_be_forced(request))

    def _can_be_forced(self, request: ModelRequest) -> bool:
        """Whether the model can be made to call a tool of ours; nothing that the extras say of tools is overruled."""
        request = self._defaults.applied_to(request, self._wire.name)
        base_model = self._base_models.get(request.model, request.model)
        taken = not self.config.enable_function_calling or bring_tools(wire_extras(request, self._wire.name))
        return not taken and self._wire.can_be_forced(request, base_model)

    def _fitted(self, request: ModelRequest) -> Fitted:
        if not request.model:
            request = replace(request, model=self.config.model_name)
        if request.tools and not self.config.enable_function_calling:
            request = replace(request, tools=(), tool_choice="auto")
        request = self._wishes.added_to(request)
        fit = fitted(request, self.capabilities, self.config.provider)
        wire = self._wire.name
        strangers = [name for name in request.extras if name not in (wire, *wire_names())]
        warnings = (f"extras of {name!r} were not sent: no wire has this name; this one is {wire!r}" for name in strangers)
        return replace(fit, warnings=(*fit.warnings, *warnings)) if strangers else fit

    def _codecs(self, provider: Provider, options: HttpOptions, keys: Sequence[KeyReference]) -> Codecs:
        def codec(key: str | None) -> Codec:
            return self._wire.codec(
                Endpoint(
                    provider=provider.name,
                    base_url=self.config.api_endpoint,
                    api_key=key,
                    bearer=options.bearer,
                    api_version=options.api_version,
                    keep_raw=options.keep_raw,
                    base_models=self._base_models,
                )
            )

        codec(None if options.keys else self.config.api_key)  # what does not fit is said now
        return Codecs(self._wire.name, codec, KeyRing(keys))


def _told(fit: Fitted, way: Way | None) -> dict[str, JsonValue]:
    """What an answer's metadata tells of its request."""
    told: dict[str, JsonValue] = {WARNINGS: list(fit.warnings)} if fit.warnings else {}
    if fit.request.response_schema is not None:
        told[STRUCTURED_BY] = way.name if way else "schema"
    return told


def retry_policy(config: LLMConfiguration) -> RetryPolicy:
    """How often and how long the configuration tries a call."""
    return RetryPolicy(max_attempts=config.max_retries + 1, timeout_s=config.timeout, base_delay_s=config.retry_delay)


def unsupported(name: str) -> LLMConfigurationError:
    """The error for a provider that nobody speaks to here."""
    message = f"Unsupported LLM provider: {name}; supported: {', '.join(supported_names())}, or register a client for it"
    return LLMConfigurationError(message, config_key="provider", config_value=str(name))
