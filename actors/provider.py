"""One model endpoint: the actor through which the whole cluster calls it, and its handle."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from ..core.call_context import CallContext
from ..core.inference import ModelRequest, ModelResponse
from ..core.ports import ModelPort
from .links import Link


class ProviderActor:
    """Calls one endpoint for everybody; `port` is its client, or what joins and keeps the client's answers."""

    def __init__(self, port: ModelPort, close: Callable[[], Awaitable[None]]) -> None:
        self._port = port
        self._close = close

    async def respond(self, call: CallContext, request: ModelRequest) -> ModelResponse:
        """The model's answer."""
        return await self._port.respond(request, call)

    async def stop(self) -> None:
        """Close the connections."""
        await self._close()


class ProviderHandle:
    """ModelPort over a provider actor; `patience_s` is for calls that bring no deadline."""

    def __init__(self, link: Link, patience_s: float) -> None:
        self._link = link
        self._patience_s = patience_s

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """See ModelPort; raises ActorError too."""
        if call.remaining_s is None:
            call = replace(call, remaining_s=self._patience_s)
        response: ModelResponse = await self._link.ask("respond", call, request)
        return response
