"""Exchanges that fail as scripted, and the attempts that make them."""

from typing import Any

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import LLMAPIError
from polaris_llm.core.inference import ModelRequest, ModelResponse
from polaris_llm.core.providers.attempts import Attempts, RetryPolicy
from support.model_requests import ManualTime, RecordingGate, a_response


class Exchanges:
    """An exchange that fails as scripted, then answers; each takes `seconds`."""

    def __init__(self, *errors: Exception, time: ManualTime | None = None, seconds: float = 0.0) -> None:
        self.errors = list(errors)
        self.calls: list[CallContext] = []
        self.timeouts: list[float] = []
        self._time = time
        self._seconds = seconds

    async def __call__(self, request: ModelRequest, call: CallContext, timeout_s: float) -> ModelResponse:
        self.calls.append(call)
        self.timeouts.append(timeout_s)
        if self._time is not None:
            self._time.now += self._seconds
        if self.errors:
            raise self.errors.pop(0)
        return a_response()


def attempts(exchange: Exchanges, time: ManualTime, gate: RecordingGate | None = None, **policy: Any) -> Attempts:
    """Attempts in manual time; `policy` is the retry policy's."""
    return Attempts(exchange, RetryPolicy(**{"max_attempts": 4, "timeout_s": 30.0} | policy), gate, time.surroundings)


def server_error(**rest: Any) -> LLMAPIError:
    """An error that may pass."""
    return LLMAPIError("broken", status_code=500, **rest)
