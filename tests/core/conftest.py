"""Keeps tests/core pure: whatever imports Ray, looks up a host, or connects or binds a socket, loopback too, raises.

An audit hook sees what patching would miss. Socket pairs (every event loop has one) and subprocesses pass.
"""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

FORBIDDEN = frozenset({"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"})


class Purity:
    """An audit hook that can be turned off, since none can be removed."""

    enforced = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:  # whatever the audited call was given
        if self.enforced and (event in FORBIDDEN or (event == "import" and arguments[0].partition(".")[0] == "ray")):
            raise RuntimeError(
                f"tests/core must stay pure, but this test did {event} {arguments!r}: move it to tests/wire or tests/cluster"
            )


purity = Purity()
sys.addaudithook(purity)


@pytest.fixture(autouse=True)
def _pure() -> Iterator[None]:
    purity.enforced = True
    yield
    purity.enforced = False
