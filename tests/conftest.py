"""What every test shares: asyncio is the one event loop that `@pytest.mark.anyio` tests run on."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that the package is written for."""
    return "asyncio"
