"""Azure OpenAI: another address and another way to show who asks, around a codec of OpenAI's own wires. No I/O.

Sources: https://learn.microsoft.com/azure/ai-foundry/openai/reference and .../openai/api-version-lifecycle (the surface v1).
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from ..exceptions import LLMAPIError
from ..inference import ModelRequest, ModelResponse
from .exchange import Codec, HttpCall, HttpReply, StreamDecoder
from .header_values import check_header_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Where Azure is asked, and as whom."""

    endpoint: str
    """As people write it: https://RESOURCE.openai.azure.com, with or without /openai, /openai/v1 or /openai/deployments/NAME."""
    api_version: str | None = None
    """A date asks the path of the model's deployment; None and `preview` ask the surface v1."""
    by_path: bool = True
    """Whether deployments have paths of their own on this wire."""
    key: str | None = field(default=None, repr=False)
    bearer: bool = False
    """Whether the key is an Entra token."""

    def base_url(self, model: str) -> str:
        """Where OpenAI's paths begin for a model."""
        parts = urlsplit(self.endpoint.strip())
        root, _, rest = parts.path.partition("/openai")
        dated = self.api_version is not None and self.api_version[:1].isdigit()
        named = rest.removeprefix("/deployments/").partition("/")[0] if rest.startswith("/deployments/") else quote(model, safe="")
        path = f"{root.rstrip('/')}/openai" + ("/v1" if not dated else f"/deployments/{named}" if self.by_path else "")
        query = urlencode({"api-version": self.api_version}) if self.api_version else ""
        return urlunsplit(parts._replace(path=path, query=query, fragment=""))


class AzureCodec:
    """A wire of OpenAI's as Azure serves it; `make` gives that wire's codec for a base URL."""

    def __init__(self, deployment: Deployment, make: Callable[[str], Codec]) -> None:
        check_header_value("azure", deployment.key)
        self._deployment = deployment
        self._codec = functools.lru_cache(maxsize=256)(lambda model: make(deployment.base_url(model)))
        self.wire = self._codec("").wire

    def encode(self, request: ModelRequest) -> HttpCall:
        """See Codec."""
        return self._signed(self._codec(request.model).encode(request))

    def encode_stream(self, request: ModelRequest) -> HttpCall:
        """See Codec."""
        return self._signed(self._codec(request.model).encode_stream(request))

    def decode(self, call: HttpCall, reply: HttpReply) -> ModelResponse:
        """See Codec."""
        return self._codec(call.request.model).decode(call, reply)

    def decode_error(self, call: HttpCall, reply: HttpReply) -> LLMAPIError:
        """See Codec."""
        return self._codec(call.request.model).decode_error(call, reply)

    def stream_decoder(self, call: HttpCall, head: HttpReply) -> StreamDecoder:
        """See Codec."""
        return self._codec(call.request.model).stream_decoder(call, head)

    def _signed(self, call: HttpCall) -> HttpCall:
        key = self._deployment.key
        if not key:
            return call
        shown = {"authorization": f"Bearer {key}"} if self._deployment.bearer else {"api-key": key}
        return replace(call, headers={**call.headers, **shown}, secret=key)
