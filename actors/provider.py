"""One model endpoint: the actor through which the whole cluster calls it, and its handle."""

from ..core.call_context import CallContext
from ..core.client import LLMClient
from ..core.inference import ModelRequest, ModelResponse
from ..core.ports import ModelPort
from .links import Link


class ProviderActor:
    """Calls one endpoint for everybody; `port` is its client, or what joins and keeps the client's answers."""

    def __init__(self, client: LLMClient, port: ModelPort) -> None:
        self._client = client
        self._port = port

    async def respond(self, call: CallContext, request: ModelRequest) -> ModelResponse:
        """The model's answer."""
        return await self._port.respond(request, call)

    async def stop(self) -> None:
        """Close the connections."""
        await self._client.close()


class ProviderHandle:
    """ModelPort over a provider actor."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """See ModelPort; raises ActorError too."""
        response: ModelResponse = await self._link.ask("respond", call, request)
        return response
