"""What every test shares: asyncio is the one event loop of `@pytest.mark.anyio` tests, and speed is never asserted."""

import signal

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("polaris", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("polaris")  # a loaded machine is slow, not wrong


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what it does not wait for
    signal.signal(signal.SIGINT, signal.default_int_handler)  # or no program of a test would obey Ctrl-C


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that the package is written for."""
    return "asyncio"
