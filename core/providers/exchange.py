"""One HTTP exchange as values, and what a wire format's codec makes of them. No I/O."""

import html
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from ..deltas import StreamEvent
from ..exceptions import LLMAPIError
from ..inference import ModelRequest, ModelResponse

MIN_SECRET_CHARS = 8
PROVIDER_REQUEST_ID = "provider_request_id"
"""Where a response's metadata and an error's context tell the provider's own id of the request."""
_REQUEST_IDS = ("x-request-id", "request-id", "apim-request-id", "x-goog-request-id")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """A POST that asks a provider for an answer; its repr shows neither key nor prompt."""

    provider: str
    request: ModelRequest = field(repr=False)
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    """The key, to be cut out of whatever is told of this call."""

    def scrubbed(self, text: str) -> str:
        """`text` without the key and what else shows who asks, however it is spelled, unless that is too short to be one."""
        for secret in (self.secret, *(value for name, value in self.headers.items() if _is_credential(name))):
            for spelling in _spellings(secret or ""):
                text = text.replace(spelling, "***")
        return text

    @property
    def endpoint(self) -> str:
        """The URL without user, password and query."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def facts(self) -> dict[str, Any]:  # keywords of LLMAPIError
        """What an error says of the call it belongs to."""
        request = self.request
        return {
            "provider": self.provider,
            "model_name": request.model,
            "api_endpoint": self.endpoint,
            "request_id": request.request_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """What came back: any status, any body."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    received_at: float
    """Seconds since 1970-01-01 UTC."""

    @property
    def request_id(self) -> str | None:
        """The provider's own id of the request, where a header tells one."""
        return next((self.headers[name] for name in _REQUEST_IDS if self.headers.get(name)), None)

    @property
    def text(self) -> str:
        """The body as UTF-8, as far as it is."""
        return self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """How long a stream may take."""

    first_byte_s: float
    """Seconds until anything of the answer comes."""
    idle_s: float
    """Seconds between two pieces of it."""
    total_s: float = math.inf


@lru_cache
def _is_credential(header: str) -> bool:
    return re.search(r"auth|cookie|token|secret|(?<!idempotency-)key", header, re.IGNORECASE) is not None


@lru_cache(maxsize=16)
def _spellings(credential: str) -> tuple[str, ...]:
    """A header's value, without the scheme before it too, as texts, JSON, pages and URLs spell it; the longest first."""
    values = [value for value in (credential, credential.rpartition(" ")[2]) if len(value) >= MIN_SECRET_CHARS]
    ways = (str, lambda value: json.dumps(value)[1:-1], html.escape, partial(quote, safe=""))
    return tuple(sorted({way(value) for value in values for way in ways}, key=len, reverse=True))


class StreamDecoder(Protocol):
    """One streamed answer in the making."""

    @property
    def complete(self) -> bool:
        """Whether all of the answer has come, though the server may have more to say."""
        ...

    @property
    def finished(self) -> bool:
        """Whether StreamFinished has been given out."""
        ...

    @property
    def arrived(self) -> str:
        """How much of the answer has come, in words."""
        ...

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """The events that end in this chunk; raises LLMAPIError for an error among them, or LLMResponseParsingError."""
        ...

    def end(self) -> Iterator[StreamEvent]:
        """The events that are left when no more comes; raises LLMConnectionError when the answer is not complete."""
        ...


class Codec(Protocol):
    """One provider's wire format. A codec never tries again: `attempts.py` does."""

    @property
    def wire(self) -> str:
        """The wire's name: what is meant for it alone stands under this name in `ModelRequest.extras` and in a part's `provider_data`."""
        ...

    def encode(self, request: ModelRequest) -> HttpCall:
        """The call that asks what `request` asks; raises LLMConfigurationError for what the wire cannot carry."""
        ...

    def encode_stream(self, request: ModelRequest) -> HttpCall:
        """The call that asks for the same as a stream of server-sent events."""
        ...

    def decode(self, call: HttpCall, reply: HttpReply) -> ModelResponse:
        """The answer in a reply of status 2xx; raises LLMResponseParsingError, or LLMAPIError for an error in disguise."""
        ...

    def decode_error(self, call: HttpCall, reply: HttpReply) -> LLMAPIError:
        """The error that a reply of any other status means."""
        ...

    def stream_decoder(self, call: HttpCall, head: HttpReply) -> StreamDecoder:
        """What reads the stream that a reply of status 2xx brings; `head` is the reply without its body."""
        ...
