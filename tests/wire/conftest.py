"""What wire tests share: a server on loopback."""

from collections.abc import AsyncIterator

import pytest

from support.openai_server import OpenAIServer


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    """A server that answers with an ordinary completion unless told otherwise."""
    async with OpenAIServer() as server:
        yield server
