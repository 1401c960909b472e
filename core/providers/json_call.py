"""How a request becomes a POST of JSON, whole or for a stream. For all codecs; no I/O."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol
from urllib.parse import quote

from ..exceptions import LLMConfigurationError
from ..inference import ModelRequest
from .exchange import HttpCall
from .wire_values import Wire


class Asker(Protocol):
    """Who asks: a codec."""

    @property
    def provider(self) -> str:
        """The provider's name."""
        ...

    @property
    def api_key(self) -> str | None:
        """The key, which stands in one of the headers."""
        ...


def json_call(asker: Asker, request: ModelRequest, url: str, payload: Wire, headers: Mapping[str, str | None]) -> HttpCall:
    """The call; headers of None are left out. Raises LLMConfigurationError for what JSON cannot carry."""
    try:
        body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        message = f"the request for model {request.model!r} cannot be written as JSON: {error}; check extras, tools and schema"
        raise LLMConfigurationError(message, provider=asker.provider, model_name=request.model) from error
    usual = {"content-type": "application/json", "x-correlation-id": quote(request.request_id)}
    return HttpCall(
        provider=asker.provider,
        request=request,
        url=url,
        headers=usual | {name: value for name, value in headers.items() if value is not None},
        body=body.encode("utf-8", "replace"),
        secret=asker.api_key,
    )


def for_stream(call: HttpCall) -> HttpCall:
    """The call, whose answer is to come as server-sent events."""
    # packed, the pieces would be held back until a block is full
    return replace(call, headers={**call.headers, "accept": "text/event-stream", "accept-encoding": "identity"})
