"""What wire tests share: a server on loopback."""

from collections.abc import AsyncIterator

import pytest

from support.cases import CASES, Case
from support.openai_server import OpenAIServer


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    """A server that answers with an ordinary completion unless told otherwise."""
    async with OpenAIServer() as server:
        yield server


@pytest.fixture(params=CASES, ids=lambda case: f"{case.provider}-{case.wire}")
def case(request: pytest.FixtureRequest) -> Case:
    """Each wire of each provider in turn."""
    found: Case = request.param
    return found
