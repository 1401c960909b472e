"""The one retry loop: admit, one exchange, report; again while an error says that it may help. No other layer retries.

A stream is tried again only until its first event is there: what somebody may have seen is said twice to those alone who ask for it.
"""

import asyncio
import math
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from ..call_context import CallContext
from ..deltas import StreamEvent, StreamFinished, StreamRestarted
from ..exceptions import DeadlineExceededError, LLMIntegrationError
from ..inference import ModelRequest, ModelResponse
from ..stream_folding import Folding
from .exchange import StreamLimits

Result = TypeVar("Result")

Exchange = Callable[[ModelRequest, CallContext, float], Awaitable[ModelResponse]]
"""One attempt: the request, its place and number (`call.attempt`), and the seconds it may take."""
StreamedExchange = Callable[[ModelRequest, CallContext, StreamLimits], AsyncGenerator[StreamEvent, None]]
"""One attempt whose answer comes in pieces; StreamFinished is the last."""
Outcome = ModelResponse | BaseException
"""What became of an attempt; a cancelled one has its CancelledError, a stream that was left its GeneratorExit."""


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
    """Seconds one attempt may take; a stream may take as long again for each piece."""
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
    started: float
    deadline: float
    attempts: int = 0
    first_error: LLMIntegrationError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A stream that has begun: its ticket is still to be reported."""

    ticket: object
    first: StreamEvent
    rest: AsyncGenerator[StreamEvent, None]


_Attempt = Callable[[_Run], Awaitable[Result]]


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
        run = self._begun(request, call)
        response = await self._first_success(run, self._attempt)
        return replace(response, attempts=run.attempts, latency_s=self._surroundings.clock() - run.started)

    async def stream(self, request: ModelRequest, call: CallContext, exchange: StreamedExchange) -> AsyncGenerator[StreamEvent, None]:
        """The events of the first attempt that has one; raises as `run` does, and what happens after that event.

        Where the request asks for it, a stream that breaks off begins anew, as long as attempts and time are left.
        """
        run = self._begun(request, call)

        async def opened(run: _Run) -> _Opened:
            return await self._open(run, exchange)

        stream = await self._first_success(run, opened)
        while True:
            folding = Folding()
            try:
                async with aclosing(stream.rest):
                    with self._reported(stream.ticket, folding):
                        yield self._noted(stream.first, run, folding)
                        async for event in stream.rest:
                            yield self._noted(event, run, folding)
                return
            except LLMIntegrationError as error:
                if not (request.restarts_stream and error.retryable):
                    raise
                run.first_error = error
            reason = run.first_error.message
            stream = await self._retry(run, opened)
            yield StreamRestarted(reason=reason)

    @contextmanager
    def _reported(self, ticket: object, folding: Folding) -> Iterator[None]:
        try:
            yield
        except BaseException as error:  # as below
            self._gate.report(ticket, error)
            raise
        self._gate.report(ticket, folding.response())

    def _begun(self, request: ModelRequest, call: CallContext) -> _Run:
        started = self._surroundings.clock()
        deadline = math.inf if call.remaining_s is None else started + call.remaining_s
        return _Run(request=request, call=call, started=started, deadline=deadline)

    async def _first_success(self, run: _Run, attempt: _Attempt[Result]) -> Result:
        try:
            return await attempt(run)
        except LLMIntegrationError as error:
            run.first_error = error
            return await self._retry(run, attempt)  # only now, because tenacity costs 40 us even when nothing fails

    async def _retry(self, run: _Run, attempt: _Attempt[Result]) -> Result:
        async def attempt_or_first_error() -> Result:
            error, run.first_error = run.first_error, None
            if error is not None:
                raise error  # tenacity's first attempt is the one that was made without it
            return await attempt(run)

        retrying = AsyncRetrying(
            retry=retry_if_exception(_may_help),
            wait=self._wait_s,
            stop=lambda state: self._gives_up(run, state),
            sleep=self._surroundings.sleep,
            reraise=True,
        )
        try:
            return await retrying(attempt_or_first_error)
        except LLMIntegrationError as error:
            error.context["attempts"] = run.attempts
            raise

    async def _attempt(self, run: _Run) -> ModelResponse:
        call = self._next_call(run)
        ticket = await self._gate.admit(run.request, call)
        try:
            response = await self._exchange(run.request, call, self._timeout_s(run))
        except BaseException as error:  # passed on; a ticket is reported even when the call is cancelled
            self._gate.report(ticket, error)
            raise
        self._gate.report(ticket, response)
        return response

    async def _open(self, run: _Run, exchange: StreamedExchange) -> _Opened:
        call = self._next_call(run)
        ticket = await self._gate.admit(run.request, call)
        try:
            events = exchange(run.request, call, self._limits(run))
            return _Opened(ticket=ticket, first=await anext(events), rest=events)
        except BaseException as error:  # as above
            self._gate.report(ticket, error)
            raise

    def _noted(self, event: StreamEvent, run: _Run, folding: Folding) -> StreamEvent:
        if isinstance(event, StreamFinished):
            event = replace(event, attempts=run.attempts, latency_s=self._surroundings.clock() - run.started)
        folding.add(event)
        return event

    def _next_call(self, run: _Run) -> CallContext:
        run.attempts += 1
        return run.call if run.attempts == 1 else self._renewed(run)

    def _renewed(self, run: _Run) -> CallContext:
        remaining_s = None if run.call.remaining_s is None else run.deadline - self._surroundings.clock()
        return replace(run.call, attempt=run.call.attempt + run.attempts - 1, remaining_s=remaining_s)

    def _timeout_s(self, run: _Run) -> float:
        left_s = run.deadline - self._surroundings.clock()
        if left_s <= 0:
            message = f"no time is left to ask model {run.request.model!r}: its {run.call.remaining_s:g} s are over"
            raise DeadlineExceededError(message, model_name=run.request.model)
        return min(self._policy.timeout_s, left_s)

    def _limits(self, run: _Run) -> StreamLimits:
        first_byte_s = self._timeout_s(run)
        left_s = run.deadline - self._surroundings.clock()
        return StreamLimits(first_byte_s=first_byte_s, idle_s=self._policy.timeout_s, total_s=left_s)

    def _wait_s(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, LLMIntegrationError)  # nothing else is retried
        if error.retry_after is not None:
            return error.retry_after
        ceiling_s = min(self._policy.max_delay_s, self._policy.base_delay_s * 2.0 ** (state.attempt_number - 1))
        return ceiling_s * self._surroundings.chance()

    def _gives_up(self, run: _Run, state: RetryCallState) -> bool:
        wait_s = state.upcoming_sleep
        out_of_time = self._surroundings.clock() + wait_s >= run.deadline
        return out_of_time or wait_s > self._policy.max_delay_s or run.attempts >= self._policy.max_attempts


def _may_help(error: BaseException) -> bool:
    return isinstance(error, LLMIntegrationError) and error.retryable
