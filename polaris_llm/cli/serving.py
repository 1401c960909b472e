"""Keeps a runtime on this machine until it is told to end."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType

from ..actors.local_runtimes import LocalRuntime, Place
from ..actors.runtime import LLMRuntime
from ..core.exceptions import LLMConfigurationError
from ..core.settings import Settings

LOOK_EVERY_S = 5.0
"""Seconds between two looks whether the runtime is still there: whoever is connected may stop it."""

Told = SimpleQueue[int]
"""The signals that came; unlike an event, it may be put to inside a signal handler."""


def serve(settings: Settings, log: str | None, on_ready: Callable[[LocalRuntime], None]) -> None:
    """Serve a runtime until SIGTERM, Ctrl-C, or somebody stops it; nothing of it is left then. Raises LLMConfigurationError."""
    place = Place(settings.runtime.name)
    with place.held():
        runtime = LLMRuntime.start(settings, detached=True)
        with _told_to_end() as told:
            try:
                served = _described(runtime, log)
                place.announce(served)
                on_ready(served)
                while not _came(told, LOOK_EVERY_S) and _is_there(runtime):
                    pass
            finally:
                runtime.stop()


def _described(runtime: LLMRuntime, log: str | None) -> LocalRuntime:
    wanted = runtime.settings.runtime
    if not runtime.owner or runtime.address is None:
        message = f"a runtime {wanted.name!r} is running already: connect to it, or give this one another name"
        raise LLMConfigurationError(message, config_key="runtime.name", config_value=wanted.name)
    where = {"name": wanted.name, "namespace": wanted.namespace, "address": runtime.address}
    return LocalRuntime(**where, pid=os.getpid(), started_at=time.time(), log=log)


def _is_there(runtime: LLMRuntime) -> bool:
    return any("error" not in facts for facts in runtime.health()["actors"].values())


def _came(told: Told, within_s: float) -> bool:
    try:
        told.get(timeout=within_s)
    except Empty:
        return False
    return True


@contextmanager
def _told_to_end() -> Iterator[Told]:
    """The signals that tell this process to end; they end nothing themselves, so that ending is not interrupted."""
    told: Told = SimpleQueue()

    def tell(number: int, frame: FrameType | None) -> None:
        told.put(number)

    previous = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
