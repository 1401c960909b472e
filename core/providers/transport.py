"""The one place that talks to a model over the network: exactly one HTTP exchange per call, whole or as a stream.

No retries, no redirects, no cookies. Connections are pooled per event loop.
"""

import asyncio
import functools
import re
import ssl
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx

from ..exceptions import LLMAPIError, LLMConfigurationError, LLMConnectionError, LLMIntegrationError
from .exchange import HttpCall, HttpReply, StreamLimits
from .stream_clock import StreamClock, timed_out
from .transport_connections import TransportSettings, connections, trusted_certificates

__all__ = ["HttpStream", "HttpTransport", "TransportSettings"]

_ENCODINGS = "gzip, deflate"
"""What httpx unpacks; aiohttp's own list may be longer."""
_DRAIN_S = 0.25
"""Long enough for what a server sends right after its last event."""
_PRIVATE = re.compile(r"(?<=//)[^/@\s]*@|\?[^\s'\")>]*")
"""User, password and query of a URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pool:
    """One event loop's connections by one route; the generator is open as long as they are."""

    transport: httpx.AsyncBaseTransport
    generator: AsyncGenerator[httpx.AsyncBaseTransport, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpStream:
    """A reply whose body is still coming."""

    head: HttpReply
    """The reply without its body."""
    chunks: AsyncGenerator[bytes, None]

    async def drain(self) -> None:
        """Give the end a moment to come, so that the connection can serve the next call."""
        with suppress(TimeoutError, LLMIntegrationError):
            async with asyncio.timeout(_DRAIN_S):
                async for _ in self.chunks:
                    pass


class HttpTransport:
    """Sends calls from any event loop; a loop that ends closes its own connections."""

    def __init__(self, settings: TransportSettings | None = None) -> None:
        self._settings = settings or TransportSettings()
        if self._settings.ca_file is not None:
            trusted_certificates(self._settings.trust_env, self._settings.ca_file)  # a file without any is told now
        self._pools: dict[tuple[asyncio.AbstractEventLoop, str | None], _Pool] = {}
        self._proxies: dict[str, str | None] = {}

    async def send(self, call: HttpCall, timeout_s: float) -> HttpReply:
        """The reply, whatever its status; raises LLMTimeoutError, LLMConnectionError, or LLMAPIError for one that is too large."""
        with self._errors_mapped(call):
            try:
                async with asyncio.timeout(timeout_s):
                    return await self._exchange(call)
            except TimeoutError:
                raise timed_out(call, "total", timeout_s) from None

    @asynccontextmanager
    async def stream(self, call: HttpCall, limits: StreamLimits) -> AsyncGenerator[HttpStream, None]:
        """The reply as it comes; leaving the block before its end closes the connection. Raises as `send` does, here or while it comes."""
        idle_s = min(limits.idle_s, self._settings.read_timeout_s or limits.idle_s)
        clock = StreamClock(call, replace(limits, idle_s=idle_s))
        with self._errors_mapped(call):
            async with clock.running():
                response = await self._begin(call, read_timeout_s=None)
        try:
            async with aclosing(self._chunks(call, response, clock)) as chunks:
                yield HttpStream(head=_head(call, response), chunks=chunks)
        finally:
            await response.aclose()

    @contextmanager
    def _errors_mapped(self, call: HttpCall) -> Iterator[None]:
        try:
            yield
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, ValueError) as error:
            message = f"{call.provider} cannot be called at {call.endpoint!r}: {_told(call, error)}; check api_endpoint"
            raise LLMConfigurationError(message, config_key="api_endpoint", provider=call.provider) from None
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise self._mapped(call, error) from None  # the original may hold what must not be told

    async def close(self) -> None:
        """Close the connections; those of another running loop are closed there. A later call opens new ones."""
        here = asyncio.get_running_loop()
        pools, self._pools = self._pools, {}
        for (loop, _), pool in pools.items():
            if loop is here:
                await pool.generator.aclose()
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(_close(pool), loop)

    async def _exchange(self, call: HttpCall) -> HttpReply:
        response = await self._begin(call, self._settings.read_timeout_s)
        try:
            body = await self._body(call, response)
        finally:
            await response.aclose()
        return replace(_head(call, response), body=body)

    async def _begin(self, call: HttpCall, read_timeout_s: float | None) -> httpx.Response:
        connect_s = self._settings.connect_timeout_s
        timeouts = {"connect": connect_s, "pool": connect_s, "read": read_timeout_s}
        headers = {"accept-encoding": _ENCODINGS, **call.headers}
        request = httpx.Request("POST", _parsed(call.url), headers=headers, content=call.body, extensions={"timeout": timeouts})
        transport = await self._transport(call.url)
        response = await transport.handle_async_request(request)
        response.request = request
        return response

    async def _body(self, call: HttpCall, response: httpx.Response) -> bytes:
        body = bytearray()
        async with aclosing(response.aiter_bytes()) as chunks:  # type: ignore[type-var]  # it is a generator, and says iterator
            async for chunk in chunks:
                body += chunk
                self._check_size(call, response, len(body))
        return bytes(body)

    async def _chunks(self, call: HttpCall, response: httpx.Response, clock: StreamClock) -> AsyncGenerator[bytes, None]:
        size = 0
        async with aclosing(response.aiter_bytes()) as chunks:  # type: ignore[type-var]  # as above
            while True:
                with self._errors_mapped(call):
                    async with clock.running():
                        chunk = await anext(chunks, None)
                clock.begin()
                if chunk is None:
                    return
                size += len(chunk)
                self._check_size(call, response, size)
                yield chunk

    def _check_size(self, call: HttpCall, response: httpx.Response, size: int) -> None:
        if size > self._settings.max_reply_bytes:
            message = f"{call.provider}'s answer is larger than max_reply_bytes={self._settings.max_reply_bytes}"
            raise LLMAPIError(message, status_code=response.status_code, retryable=False, **call.facts)

    async def _transport(self, url: str) -> httpx.AsyncBaseTransport:
        key = (asyncio.get_running_loop(), self._proxy(url))
        pool = self._pools.get(key)
        if pool is None:
            for stale in [other for other in tuple(self._pools) if other[0].is_closed()]:
                self._pools.pop(stale, None)  # in place: loops of other threads may be doing the same
            generator = connections(self._settings, key[1])
            # this await does not give way, so that two first calls share one pool
            pool = self._pools[key] = _Pool(transport=await anext(generator), generator=generator)
        return pool.transport

    def _proxy(self, url: str) -> str | None:
        if self._settings.proxy or not self._settings.trust_env:
            return self._settings.proxy
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._proxies:
            self._proxies[origin] = _environment_proxy(parts.scheme, parts.hostname or "")
        return self._proxies[origin]

    def _mapped(self, call: HttpCall, error: Exception) -> LLMIntegrationError:
        origin = error.__cause__ or error  # httpx_aiohttp calls every lost connection a ConnectTimeout
        if isinstance(origin, TimeoutError) or (self._settings.http2 and isinstance(error, httpx.TimeoutException)):
            if isinstance(error, httpx.ReadTimeout):
                return timed_out(call, "read", self._settings.read_timeout_s)
            return timed_out(call, "connect", self._settings.connect_timeout_s)
        happened = "broke off its answer" if isinstance(error, httpx.ReadError) else "could not be reached"
        message = f"{call.provider} {happened} at {call.endpoint}: {_told(call, origin)}"
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
            message += "; where the server has a certificate of an authority of your own, name that one's file as ca_file"
        return LLMConnectionError(message, retryable=not any(map(_stays, _causes(error))), **call.facts)


def _head(call: HttpCall, response: httpx.Response) -> HttpReply:
    headers = {name.lower(): value for name, value in response.headers.items()}
    told = "\n".join((*headers, *headers.values()))
    if call.scrubbed(told) != told:  # a gateway repeats what it was sent
        headers = {call.scrubbed(name): call.scrubbed(value) for name, value in headers.items()}
    return HttpReply(status=response.status_code, headers=headers, body=b"", received_at=time.time())


async def _close(pool: _Pool) -> None:
    await pool.generator.aclose()


@functools.lru_cache
def _parsed(url: str) -> httpx.URL:
    return httpx.URL(url)  # dear, and nearly always the same


def _environment_proxy(scheme: str, host: str) -> str | None:
    proxies = getproxies()
    proxy = None if proxy_bypass(host) else proxies.get(scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _stays(cause: BaseException) -> bool:
    """Whether another attempt would meet the same: a certificate, or a proxy that lets nobody like us through."""
    return (isinstance(cause, httpx.ProxyError) and str(cause).startswith("4")) or isinstance(cause, aiohttp.ClientSSLError | ssl.SSLError)


def _told(call: HttpCall, error: BaseException) -> str:
    words = " ".join(_PRIVATE.sub("", str(error)).split())
    return f"{type(error).__name__}: {call.scrubbed(words)}"
