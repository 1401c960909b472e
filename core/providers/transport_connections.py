"""How connections to model servers are made: over HTTP/1.1 unless told otherwise, by which proxy, and with whose certificates."""

import functools
import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from ..exceptions import LLMConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """How connections are made and kept."""

    connect_timeout_s: float = 10.0
    read_timeout_s: float | None = None
    """Seconds between two pieces of an answer; None leaves it to the call's own limit."""
    keepalive_s: float = 15.0
    """Seconds that an idle connection stays open."""
    max_reply_bytes: int = 32 * 1024 * 1024
    """Of an answer's body, unpacked."""
    trust_env: bool = True
    """Whether the environment's proxies and certificates are used (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE and the like)."""
    proxy: str | None = None
    """In place of the environment's."""
    ca_file: str | None = None
    """A PEM file of certificates that are trusted beside the usual ones."""
    http2: bool = False
    """Whether HTTP/2 is spoken with servers that can, over httpx's own connections; needs the package h2."""


async def connections(settings: TransportSettings, proxy: str | None) -> AsyncGenerator[httpx.AsyncBaseTransport, None]:
    """What makes connections by one route, and closes them at its end."""
    # a generator, because an event loop closes those that are still open when it ends (PEP 525)
    transport = _http2(settings, proxy) if settings.http2 else _http1(settings, proxy)
    try:
        yield transport
    finally:
        await transport.aclose()


def _http1(settings: TransportSettings, proxy: str | None) -> AiohttpTransport:
    trusted = trusted_certificates(settings.trust_env, settings.ca_file)

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, ssl=trusted, keepalive_timeout=settings.keepalive_s)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    return AiohttpTransport(verify=trusted, proxy=httpx.Proxy(proxy) if proxy else None, client=session)


def _http2(settings: TransportSettings, proxy: str | None) -> httpx.AsyncHTTPTransport:
    limits = httpx.Limits(max_connections=None, keepalive_expiry=settings.keepalive_s)
    trusted = trusted_certificates(settings.trust_env, settings.ca_file)
    try:
        return httpx.AsyncHTTPTransport(http2=True, verify=trusted, proxy=proxy, limits=limits, trust_env=settings.trust_env)
    except ImportError as error:
        raise LLMConfigurationError("http2 needs the package h2: pip install 'polaris-llm[http2]'", config_key="http2") from error


@functools.cache
def trusted_certificates(trust_env: bool, ca_file: str | None) -> ssl.SSLContext:
    """Whom to believe; raises LLMConfigurationError for a file that has no certificates."""
    context = httpx.create_ssl_context(trust_env=trust_env)
    try:
        if ca_file is not None:
            context.load_verify_locations(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        message = f"ca_file {ca_file!r} cannot be read ({error.strerror or 'no certificate in it'}): give a PEM file of certificates"
        raise LLMConfigurationError(message, config_key="ca_file", config_value=ca_file) from None
    return context
