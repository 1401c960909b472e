"""What wire tests share: a server on loopback, and one that shows a certificate."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import trustme

from support.cases import CASES, Case
from support.openai_server import OpenAIServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Who vouches for servers on loopback, in the names of all homes."""

    tls: ssl.SSLContext
    """What a server shows."""
    ca_file: str
    """What a client must trust."""


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    """A server that answers with an ordinary completion unless told otherwise."""
    async with OpenAIServer() as server:
        yield server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody trusts by itself."""
    root, tls = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    root.issue_cert("127.0.0.1", *{urlsplit(case.home).netloc for case in CASES}).configure_cert(tls)
    ca_file = tmp_path_factory.mktemp("authority") / "ca.pem"
    root.cert_pem.write_to_path(ca_file)
    return Authority(tls=tls, ca_file=str(ca_file))


@pytest.fixture
async def tls_server(authority: Authority) -> AsyncIterator[OpenAIServer]:
    """The same server, as all homes: its certificate has their names."""
    async with OpenAIServer(authority.tls) as server:
        yield server


@pytest.fixture(params=CASES, ids=lambda case: f"{case.provider}-{case.wire}")
def case(request: pytest.FixtureRequest) -> Case:
    """Each wire of each provider in turn."""
    found: Case = request.param
    return found
