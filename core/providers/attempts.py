"""The one retry loop: admit, one exchange, report; again while an error says that it may help. No other layer retries."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from ..call_context import CallContext
from ..exceptions import DeadlineExceededError, LLMIntegrationError
from ..inference import ModelRequest, ModelResponse

Exchange = Callable[[ModelRequest, CallContext, float], Awaitable[ModelResponse]]
"""One attempt: the request, its place and number (`call.attempt`), and the seconds it may take."""
Outcome = ModelResponse | BaseException
"""What became of an attempt; a cancelled one has its CancelledError."""


class AttemptGate(Protocol):
    """Says when an attempt may be made, and learns what became of it."""

    async def admit(self, request: ModelRequest, call: CallContext) -> object:
        """A ticket, as soon as the attempt may be made; raises LLMIntegrationError to refuse it."""
        ...

    def report(self, ticket: object, outcome: Outcome) -> None:
        """Called once for every ticket."""
        ...


class OpenGate:
    """Admits everything."""

    async def admit(self, request: ModelRequest, call: CallContext) -> object:
        """No ticket is needed."""
        return None

    def report(self, ticket: object, outcome: Outcome) -> None:
        """Nobody asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how long a call is tried."""

    max_attempts: int = 4
    timeout_s: float = 60.0
    """Seconds one attempt may take."""
    base_delay_s: float = 1.0
    """The longest wait before the second attempt; it doubles from there."""
    max_delay_s: float = 60.0
    """The longest wait of all; a provider that asks for a longer one is not asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Clock (seconds, from anywhere), sleep and chance (0 to 1)."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


@dataclass(slots=True, kw_only=True)
class _Run:
    request: ModelRequest
    call: CallContext
    deadline: float
    attempts: int = 0
    first_error: LLMIntegrationError | None = None


class Attempts:
    """Makes calls of one kind of exchange."""

    def __init__(
        self, exchange: Exchange, policy: RetryPolicy, gate: AttemptGate | None = None, surroundings: Surroundings | None = None
    ) -> None:
        self._exchange = exchange
        self._policy = policy
        self._gate = gate or OpenGate()
        self._surroundings = surroundings or Surroundings()

    async def run(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """The first answer; raises the last attempt's error, or DeadlineExceededError when there is no time for an attempt."""
        started = self._surroundings.clock()
        deadline = math.inf if call.remaining_s is None else started + call.remaining_s
        run = _Run(request=request, call=call, deadline=deadline)
        try:
            response = await self._attempt(run)
        except LLMIntegrationError as error:
            run.first_error = error
            response = await self._retry(run)  # only now, because tenacity costs 40 us even when nothing fails
        return replace(response, attempts=run.attempts, latency_s=self._surroundings.clock() - started)

    async def _retry(self, run: _Run) -> ModelResponse:
        retrying = AsyncRetrying(
            retry=retry_if_exception(_may_help),
            wait=self._wait_s,
            stop=lambda state: self._gives_up(run, state),
            sleep=self._surroundings.sleep,
            reraise=True,
        )
        try:
            return await retrying(self._attempt_or_first_error, run)
        except LLMIntegrationError as error:
            error.context["attempts"] = run.attempts
            raise

    async def _attempt_or_first_error(self, run: _Run) -> ModelResponse:
        error, run.first_error = run.first_error, None
        if error is not None:
            raise error  # tenacity's first attempt is the one that was made without it
        return await self._attempt(run)

    async def _attempt(self, run: _Run) -> ModelResponse:
        run.attempts += 1
        call = run.call if run.attempts == 1 else self._renewed(run)
        ticket = await self._gate.admit(run.request, call)
        try:
            response = await self._exchange(run.request, call, self._timeout_s(run))
        except BaseException as error:  # passed on; a ticket is reported even when the call is cancelled
            self._gate.report(ticket, error)
            raise
        self._gate.report(ticket, response)
        return response

    def _renewed(self, run: _Run) -> CallContext:
        remaining_s = None if run.call.remaining_s is None else run.deadline - self._surroundings.clock()
        return replace(run.call, attempt=run.call.attempt + run.attempts - 1, remaining_s=remaining_s)

    def _timeout_s(self, run: _Run) -> float:
        left_s = run.deadline - self._surroundings.clock()
        if left_s <= 0:
            message = f"no time is left to ask model {run.request.model!r}: its {run.call.remaining_s:g} s are over"
            raise DeadlineExceededError(message, model_name=run.request.model)
        return min(self._policy.timeout_s, left_s)

    def _wait_s(self, state: RetryCallState) -> float:
        error = _error(state)
        if error.retry_after is not None:
            return error.retry_after
        ceiling_s = min(self._policy.max_delay_s, self._policy.base_delay_s * 2.0 ** (state.attempt_number - 1))
        return ceiling_s * self._surroundings.chance()

    def _gives_up(self, run: _Run, state: RetryCallState) -> bool:
        wait_s = state.upcoming_sleep
        out_of_time = self._surroundings.clock() + wait_s >= run.deadline
        return out_of_time or wait_s > self._policy.max_delay_s or state.attempt_number >= self._policy.max_attempts


def _may_help(error: BaseException) -> bool:
    return isinstance(error, LLMIntegrationError) and error.retryable


def _error(state: RetryCallState) -> LLMIntegrationError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, LLMIntegrationError)  # nothing else is retried
    return error
