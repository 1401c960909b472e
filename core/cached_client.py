"""A model behind a cache: looks there first, and asks once for identical calls in flight.

In a cluster the two halves stand apart: the asker's side only reads, the provider's side joins calls and writes (`WriteBehind`).
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from pydantic import ValidationError

from .cache_key import cache_key
from .cache_port import CachePort
from .call_context import CallContext
from .deltas import StreamEvent
from .exceptions import DeadlineExceededError, LLMIntegrationError
from .frozen import changed
from .inference import MODEL_RESPONSE, FinishReason, ModelRequest, ModelResponse
from .ports import ModelPort
from .pricing import COST
from .providers.exchange import PROVIDER_REQUEST_ID
from .providers.rate_limits import RATE_LIMITS
from .single_flight import SingleFlight
from .stream_folding import Folding, unfold
from .streaming import events_of

logger = logging.getLogger(__name__)

WHOLE_ANSWERS = frozenset({FinishReason.STOP, FinishReason.LENGTH, FinishReason.TOOL_CALLS})
"""How an answer ended that would end so again."""
OF_ONE_CALL = frozenset({PROVIDER_REQUEST_ID, RATE_LIMITS, COST})
"""What of a response's metadata is true of the call that caused it, and of no other."""
NOT_KEPT = frozenset({"raw_response", "raw_events_left_out", *OF_ONE_CALL})
"""What of it is not worth its room, or would be wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRules:
    """What is kept, how long, and for which provider."""

    provider: str = ""
    """Part of the key: providers may answer differently."""
    default_ttl_s: float = 300.0
    max_temperature: float = 0.3
    """Hotter sampling is not cached, unless the request names a ttl_s of its own."""

    def ttl_s(self, request: ModelRequest) -> float:
        """Seconds to keep the answer; 0 means that the cache has no part in this call."""
        policy = request.cache
        if policy.mode == "bypass":
            return 0.0
        if policy.ttl_s is not None:
            return policy.ttl_s
        return self.default_ttl_s if request.temperature <= self.max_temperature else 0.0

    def key(self, request: ModelRequest, call: CallContext) -> str:
        """What the answer is kept under: what the call says, if the asker has worked it out for this provider."""
        known = call.cache_key
        if known is not None and known.startswith(f"{self.provider}/"):
            return known
        return f"{self.provider}/{cache_key(self.provider, request)}"


class CachedClient:
    """Answers from a cache, else from `inner`; satisfies StreamingModelPort. A failing cache is told in the log, and done without."""

    def __init__(self, inner: ModelPort, cache: CachePort, rules: CacheRules | None = None, *, keeps: bool = True) -> None:
        """With `keeps` false the cache is only read: who does the work writes into it."""
        self._inner = inner
        self._cache = cache
        self._rules = rules or CacheRules()
        self._keeps = keeps
        self._flights: SingleFlight[ModelResponse] = SingleFlight()

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """The answer, with `cached` set when this call did not cause it; raises LLMIntegrationError."""
        if self._rules.ttl_s(request) <= 0:
            return await self._inner.respond(request, call)
        key = self._rules.key(request, call)
        call = call if call.cache_key == key else changed(call, cache_key=key)
        kept = None if request.cache.mode == "refresh" else await self._kept(key)
        return kept or await self._joined(key, request, call)

    async def stream_events(self, request: ModelRequest, call: CallContext) -> AsyncGenerator[StreamEvent, None]:
        """The answer in pieces: a kept one, else the model's as it comes, which is kept at its end. Raises LLMIntegrationError."""
        caches = self._rules.ttl_s(request) > 0
        key = self._rules.key(request, call) if caches else None
        kept = None if key is None or request.cache.mode == "refresh" else await self._kept(key)
        if kept is not None:
            for event in unfold(kept):
                yield event
            return
        folding = Folding()
        async with aclosing(events_of(self._inner, request, replace(call, cache_key=key))) as events:
            async for event in events:
                folding.add(event)
                yield event
        if key is not None:
            await self._keep_if_whole(key, folding.response(), request)

    async def _joined(self, key: str, request: ModelRequest, call: CallContext) -> ModelResponse:
        if not self._flights.under_way(key):
            return (await self._flights.join(key, lambda: self._ask_and_keep(key, request, call))).value
        try:
            async with asyncio.timeout(call.remaining_s) as limit:  # a leader may have more time than those who follow it
                joined = await self._flights.join(key, lambda: self._ask_and_keep(key, request, call))
        except TimeoutError:
            if not limit.expired():
                raise
            message = f"no answer of model {request.model!r} within the {call.remaining_s:g} s that this call had"
            raise DeadlineExceededError(message, model_name=request.model) from None
        return _second_hand(joined.value) if joined.shared else joined.value

    async def _ask_and_keep(self, key: str, request: ModelRequest, call: CallContext) -> ModelResponse:
        response = await self._inner.respond(request, call)
        await self._keep_if_whole(key, response, request)
        return response

    async def _keep_if_whole(self, key: str, response: ModelResponse, request: ModelRequest) -> None:
        if self._keeps and response.finish_reason in WHOLE_ANSWERS and not response.cached:
            await self._keep(key, response, self._rules.ttl_s(request))

    async def _kept(self, key: str) -> ModelResponse | None:
        try:
            value = await self._cache.get(key)
            return None if value is None else _second_hand(MODEL_RESPONSE.validate_json(value))
        except (LLMIntegrationError, ValidationError) as error:
            logger.warning("cache read failed, asking the model: %s", error)
            return None

    async def _keep(self, key: str, response: ModelResponse, ttl_s: float) -> None:
        try:
            await self._cache.put(key, MODEL_RESPONSE.dump_json(_light(response)), ttl_s)
        except (LLMIntegrationError, ValueError) as error:  # ValueError: JSON has no way to write it
            logger.warning("cache write failed, the answer is not kept: %s", error)


def _light(response: ModelResponse) -> ModelResponse:
    return _without(NOT_KEPT, response)


def _second_hand(response: ModelResponse) -> ModelResponse:
    return replace(_without(OF_ONE_CALL, response), cached=True, attempts=0, latency_s=0.0)


def _without(names: frozenset[str], response: ModelResponse) -> ModelResponse:
    if names.isdisjoint(response.metadata):
        return response
    return replace(response, metadata={name: value for name, value in response.metadata.items() if name not in names})
