"""How long each wait for an answer may last, and the error that tells which wait was too long."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from ..exceptions import LLMTimeoutError
from .exchange import HttpCall, StreamLimits

Phase = Literal["connect", "read", "first_byte", "idle", "total"]

_MISSING: dict[Phase, str] = {
    "connect": "no connection",
    "read": "no further byte",
    "first_byte": "no first byte",
    "idle": "no further byte",
    "total": "no complete answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wait:
    phase: Phase
    limit_s: float
    until: float


class StreamClock:
    """Measures one stream: the time to the first byte of its body, each wait after that, and the whole."""

    def __init__(self, call: HttpCall, limits: StreamLimits) -> None:
        self._call = call
        self._limits = limits
        self._started = asyncio.get_running_loop().time()
        self._began = False

    def begin(self) -> None:
        """Note that the body has begun to come."""
        self._began = True

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """A block that may last as long as the stream allows at present; raises LLMTimeoutError."""
        wait = min(self._total(), self._next(), key=lambda wait: wait.until)
        try:
            async with asyncio.timeout_at(wait.until):
                yield
        except TimeoutError:
            raise timed_out(self._call, wait.phase, wait.limit_s) from None

    def _next(self) -> _Wait:
        limits = self._limits
        if not self._began:
            return _Wait(phase="first_byte", limit_s=limits.first_byte_s, until=self._started + limits.first_byte_s)
        return _Wait(phase="idle", limit_s=limits.idle_s, until=asyncio.get_running_loop().time() + limits.idle_s)

    def _total(self) -> _Wait:
        return _Wait(phase="total", limit_s=self._limits.total_s, until=self._started + self._limits.total_s)


def timed_out(call: HttpCall, phase: Phase, limit_s: float | None) -> LLMTimeoutError:
    """The error for a wait that was too long."""
    message = f"{call.provider} gave {_MISSING[phase]} within {limit_s:g} s at {call.endpoint} ({phase} timeout)"
    return LLMTimeoutError(message, timeout_seconds=limit_s, phase=phase, **call.facts)
