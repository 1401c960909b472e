"""A model behind HTTP: a codec, a transport and the attempts, put together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from ..call_context import CallContext
from ..inference import ModelRequest, ModelResponse
from .attempts import AttemptGate, Attempts, RetryPolicy
from .exchange import Codec
from .transport import HttpTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDefaults:
    """What a request that does not say takes from its provider."""

    model: str = ""
    extras: Mapping[str, JsonValue] = field(default_factory=dict)

    def applied_to(self, request: ModelRequest) -> ModelRequest:
        """The request with the gaps filled."""
        if request.model and not self.extras:
            return request
        return replace(request, model=request.model or self.model, extras={**self.extras, **request.extras})


class HttpModel:
    """Answers model requests by one provider's HTTP interface; satisfies ModelPort."""

    def __init__(
        self,
        codec: Codec,
        transport: HttpTransport,
        policy: RetryPolicy,
        *,
        gate: AttemptGate | None = None,
        defaults: RequestDefaults | None = None,
    ) -> None:
        self._codec = codec
        self._transport = transport
        self._defaults = defaults or RequestDefaults()
        self._attempts = Attempts(self._exchange, policy, gate)

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """The model's answer; raises LLMIntegrationError."""
        return await self._attempts.run(self._defaults.applied_to(request), call)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def _exchange(self, request: ModelRequest, call: CallContext, timeout_s: float) -> ModelResponse:
        http_call = self._codec.encode(request)
        reply = await self._transport.send(http_call, timeout_s)
        if 200 <= reply.status < 300:
            return self._codec.decode(http_call, reply)
        raise self._codec.decode_error(http_call, reply)
