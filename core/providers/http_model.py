"""A model behind HTTP: a codec, a transport and the attempts, put together."""

import itertools
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from ..call_context import CallContext
from ..deltas import StreamEvent, StreamFinished
from ..exceptions import LLMAPIError, LLMIntegrationError
from ..inference import ModelRequest, ModelResponse
from ..stream_folding import unfold
from .attempts import AttemptGate, Attempts, RetryPolicy, Surroundings
from .exchange import PROVIDER_REQUEST_ID, Codec, HttpCall, HttpReply, StreamDecoder, StreamLimits
from .extras import joined_extras, wire_extras
from .keys import Codecs
from .rate_limits import RATE_LIMITS, read_rate_limits
from .transport import HttpStream, HttpTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestDefaults:
    """What every request takes from its provider."""

    extras: Mapping[str, JsonValue] = field(default_factory=dict)
    """Parameters of the provider's wire."""
    idempotency_header: str | None = None
    """Where a call says that it is the one which was sent before."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further headers of every call, their names in lower case; they win over the call's own."""

    def applied_to(self, request: ModelRequest, wire: str) -> ModelRequest:
        """The request with the provider's extras; raises LLMConfigurationError for its own that are not sorted by wire."""
        asked = wire_extras(request, wire)
        return replace(request, extras={**request.extras, wire: joined_extras(self.extras, asked)}) if self.extras else request


class HttpModel:
    """Answers model requests by one provider's HTTP interface; satisfies ModelPort. What headers tell is in the metadata."""

    def __init__(
        self,
        codecs: Codecs,
        transport: HttpTransport,
        policy: RetryPolicy,
        *,
        gate: AttemptGate | None = None,
        defaults: RequestDefaults | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._codecs = codecs
        self._transport = transport
        self._defaults = defaults or RequestDefaults()
        self._attempts = Attempts(self._exchange, policy, gate, surroundings)

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """The model's answer; raises LLMIntegrationError."""
        return await self._attempts.run(self._complete(request), self._told_apart(call))

    def stream(self, request: ModelRequest, call: CallContext) -> AsyncGenerator[StreamEvent, None]:
        """The answer as it comes; raises LLMIntegrationError, and tries again only before the first event."""
        return self._attempts.stream(self._complete(request), self._told_apart(call), self._streamed_exchange)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    def _complete(self, request: ModelRequest) -> ModelRequest:
        return self._defaults.applied_to(request, self._codecs.wire)

    async def _exchange(self, request: ModelRequest, call: CallContext, timeout_s: float) -> ModelResponse:
        async with self._codecs.using_one() as codec:
            http_call = self._keyed(codec.encode(request), call)
            return _answer(codec, http_call, await self._transport.send(http_call, timeout_s))

    async def _streamed_exchange(self, request: ModelRequest, call: CallContext, limits: StreamLimits) -> AsyncGenerator[StreamEvent, None]:
        async with self._codecs.using_one() as codec:
            http_call = self._keyed(codec.encode_stream(request), call)
            async with self._transport.stream(http_call, limits) as reply, aclosing(await _opened(codec, http_call, reply)) as events:
                async for event in events:
                    yield event

    def _told_apart(self, call: CallContext) -> CallContext:
        """The call with an id of its own, if it belongs to no session: its attempts share their idempotency key with no other call."""
        known = call.session_id or not self._defaults.idempotency_header
        return call if known else replace(call, call_id=f"{_PROCESS}-{next(_CALLS)}")

    def _keyed(self, http_call: HttpCall, call: CallContext) -> HttpCall:
        name, further = self._defaults.idempotency_header, self._defaults.headers
        if not name and not further:
            return http_call
        keyed = {name: call.idempotency_key} if name else {}
        return replace(http_call, headers={**http_call.headers, **keyed, **further})


async def _opened(codec: Codec, http_call: HttpCall, reply: HttpStream) -> AsyncGenerator[StreamEvent, None]:
    """The events of a reply that has begun, whatever it is."""
    start = await _start(reply)
    if 200 <= reply.head.status < 300 and _is_stream(reply, start):
        return _decoded(codec.stream_decoder(http_call, reply.head), reply, start)
    body = start + b"".join([chunk async for chunk in reply.chunks])
    return _unfolded(_answer(codec, http_call, replace(reply.head, body=body)))


async def _unfolded(response: ModelResponse) -> AsyncGenerator[StreamEvent, None]:
    for event in unfold(response):
        yield event


def _answer(codec: Codec, http_call: HttpCall, reply: HttpReply) -> ModelResponse:
    if 200 <= reply.status < 300:
        response = codec.decode(http_call, reply)
        told = _told(reply)
        return replace(response, metadata={**response.metadata, **told}) if told else response
    raise codec.decode_error(http_call, reply)


def _told(head: HttpReply) -> dict[str, JsonValue]:
    """What an answer's metadata tells of its headers."""
    limits = read_rate_limits(head.headers, head.received_at)
    told: dict[str, JsonValue] = {PROVIDER_REQUEST_ID: head.request_id} if head.request_id else {}
    return {**told, RATE_LIMITS: limits.as_json()} if limits else told


def _ended(event: StreamEvent, head: HttpReply) -> StreamEvent:
    return replace(event, metadata={**event.metadata, **_told(head)}) if isinstance(event, StreamFinished) else event


async def _start(reply: HttpStream) -> bytes:
    """The body as far as the first chunk that says anything."""
    start = b""
    async for chunk in reply.chunks:
        start += chunk
        if start.strip():
            break
    return start


def _is_stream(reply: HttpStream, start: bytes) -> bool:
    """Whether a body is server-sent events. Its content type may be wrong, but JSON and HTML begin as no event does."""
    said = start.lstrip()[:1]
    claimed = "text/event-stream" in reply.head.headers.get("content-type", "")
    return (claimed or said in _EVENT_STARTS) and said not in _DOCUMENT_STARTS


async def _decoded(decoder: StreamDecoder, reply: HttpStream, start: bytes) -> AsyncGenerator[StreamEvent, None]:
    try:
        async with aclosing(_until_complete(decoder, reply, start)) as chunks:
            async for chunk in chunks:
                for event in decoder.feed(chunk):
                    yield _ended(event, reply.head)
        for event in decoder.end():
            yield _ended(event, reply.head)
    except LLMIntegrationError as error:
        error.message = f"{error.message}; {decoder.arrived} had arrived"
        raise


async def _until_complete(decoder: StreamDecoder, reply: HttpStream, start: bytes) -> AsyncGenerator[bytes, None]:
    """The body's chunks; one that breaks off when nothing more of the answer is to come has simply ended."""
    yield start
    try:
        while not decoder.finished and (chunk := await anext(reply.chunks, None)) is not None:
            yield chunk
    except LLMAPIError:
        if not decoder.complete:
            raise
    await reply.drain()


_PROCESS = uuid.uuid4().hex
_CALLS = itertools.count()
"""What tells calls apart that belong to no session."""
_EVENT_STARTS = (b":", b"d", b"e", b"i", b"r", b"\xef")
"""Of a comment, data, event, id, retry and the byte order mark."""
_DOCUMENT_STARTS = (b"{", b"[", b"<", b'"')
