"""A model that needs no network: a script answers, after the latency and with the failures of a seeded schedule.

It goes through the same attempts as a real provider, and everything it says is labelled as a mock's.
"""

import hashlib
import importlib
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal, assert_never

from ..call_context import CallContext
from ..deltas import StreamEvent
from ..exceptions import LLMAPIError, LLMConfigurationError, LLMConnectionError, LLMIntegrationError, LLMRateLimitError, LLMTimeoutError
from ..inference import ModelRequest, ModelResponse
from ..stream_folding import unfold
from .attempts import AttemptGate, Attempts, RetryPolicy, Surroundings
from .exchange import StreamLimits

Script = Callable[[ModelRequest], ModelResponse]
Failure = Literal["rate_limit", "server_error", "timeout", "connection"]

PROVIDER = "mock"
DEFAULT_MODEL = "mock-model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What the schedule has for one attempt."""

    latency_s: float
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MockSchedule:
    """Latency and failures, the same for the same seed, call and attempt, in whatever order calls are made."""

    seed: int = 0
    latency_s: float = 0.0
    jitter: float = 0.0
    """The part of latency_s by which it varies either way, 0 to 1."""
    failure_rate: float = 0.0
    """The part of attempts that fail, 0 to 1."""
    failures: tuple[Failure, ...] = ("rate_limit", "server_error", "timeout")

    def fate(self, call: CallContext) -> Fate:
        """What happens to one attempt at a call."""
        if not (self.latency_s or self.failure_rate):
            return _SMOOTH
        digest = hashlib.blake2b(f"{self.seed}\n{call.idempotency_key}\n{call.attempt}".encode(), digest_size=24).digest()
        luck, spread, kind = (int.from_bytes(digest[at : at + 8]) / 2**64 for at in (0, 8, 16))
        latency_s = self.latency_s * (1 + self.jitter * (2 * spread - 1))
        failure = self.failures[int(kind * len(self.failures))] if self.failures and luck < self.failure_rate else None
        return Fate(latency_s=latency_s, failure=failure)


_SMOOTH = Fate(latency_s=0.0)


class MockModel:
    """Answers model requests by a script; satisfies ModelPort."""

    def __init__(
        self,
        script: Script,
        schedule: MockSchedule | None = None,
        policy: RetryPolicy | None = None,
        *,
        gate: AttemptGate | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._script = script
        self._schedule = schedule or MockSchedule()
        self._surroundings = surroundings or Surroundings()
        self._attempts = Attempts(self._exchange, policy or RetryPolicy(), gate, self._surroundings)
        self._numbers = itertools.count()

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """The script's answer; raises LLMIntegrationError when the schedule has more failures than attempts are made."""
        return await self._attempts.run(request, self._numbered(call))

    async def stream(self, request: ModelRequest, call: CallContext) -> AsyncGenerator[StreamEvent, None]:
        """The script's answer, word by word over the schedule's latency; raises as `respond` does, before the first word."""
        async with aclosing(self._attempts.stream(request, self._numbered(call), self._streamed_exchange)) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        """Nothing is open."""

    async def _exchange(self, request: ModelRequest, call: CallContext, timeout_s: float) -> ModelResponse:
        fate = self._schedule.fate(call)
        await self._sleep(min(fate.latency_s, timeout_s))
        _check(fate, request, timeout_s)
        return _labelled(self._script(request), request)

    async def _streamed_exchange(self, request: ModelRequest, call: CallContext, limits: StreamLimits) -> AsyncGenerator[StreamEvent, None]:
        fate = self._schedule.fate(call)
        timeout_s = min(limits.first_byte_s, limits.total_s)
        if fate.failure or fate.latency_s > timeout_s:
            await self._sleep(min(fate.latency_s, timeout_s))
        _check(fate, request, timeout_s)
        events = tuple(unfold(_labelled(self._script(request), request)))
        for event in events:
            await self._sleep(fate.latency_s / len(events))
            yield event

    async def _sleep(self, wait_s: float) -> None:
        if wait_s:
            await self._surroundings.sleep(wait_s)

    def _numbered(self, call: CallContext) -> CallContext:
        # calls that belong to no session have their order for a place
        return call if call.session_id else replace(call, call_index=next(self._numbers))


def load_script(reference: str) -> Script:
    """The function that `module:function` names; raises LLMConfigurationError when there is none."""
    module_name, _, name = reference.partition(":")
    try:
        script = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError, ValueError) as error:
        message = f"the mock's script {reference!r} cannot be loaded: {error}; give it as module:function, importable where the model runs"
        raise LLMConfigurationError(message, config_key="script", config_value=reference, provider=PROVIDER) from error
    if not callable(script):
        message = f"the mock's script {reference!r} is a {type(script).__name__}; give a function from ModelRequest to ModelResponse"
        raise LLMConfigurationError(message, config_key="script", config_value=reference, provider=PROVIDER)
    found: Script = script
    return found


def _labelled(response: ModelResponse, request: ModelRequest) -> ModelResponse:
    if not isinstance(response, ModelResponse):
        raise LLMConfigurationError(f"the mock's script returned a {type(response).__name__}; return a ModelResponse", provider=PROVIDER)
    model = response.model or request.model or DEFAULT_MODEL
    return replace(response, model=model, provider=PROVIDER, metadata={**response.metadata, "mock": True})


def _check(fate: Fate, request: ModelRequest, timeout_s: float) -> None:
    if fate.latency_s > timeout_s:
        raise _failure("timeout", request, timeout_s)
    if fate.failure is not None:
        raise _failure(fate.failure, request, timeout_s)


def _failure(kind: Failure, request: ModelRequest, timeout_s: float) -> LLMIntegrationError:
    told = f"mock failure for model {request.model!r}"
    facts: dict[str, Any] = {"provider": PROVIDER, "model_name": request.model, "request_id": request.request_id}  # keywords of LLMAPIError
    match kind:
        case "rate_limit":
            return LLMRateLimitError(f"{told}: rate limit", status_code=429, **facts)
        case "server_error":
            return LLMAPIError(f"{told}: internal server error", status_code=500, **facts)
        case "timeout":
            return LLMTimeoutError(f"{told}: no answer", timeout_seconds=timeout_s, **facts)
        case "connection":
            return LLMConnectionError(f"{told}: connection refused", **facts)
        case _:
            assert_never(kind)
