"""What every test shares: asyncio is the one event loop of `@pytest.mark.anyio` tests, and speed is never asserted."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("polaris", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("polaris")  # a loaded machine is slow, not wrong


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that the package is written for."""
    return "asyncio"
