"""Opens the engine that the settings ask for. The one place that imports Ray's, and only when it is asked for."""

import importlib.metadata
from typing import Protocol

from ..core.settings import Settings
from .engine import Engine
from .inline_engine import InlineEngine
from .messages import Greeting


class Connection(Protocol):
    """An engine, and what is to be closed with it."""

    engine: Engine
    address: str | None
    """Where others can join the cluster; None when there is none."""

    def heed_signals(self) -> None:
        """Let SIGTERM end this process in order, where the engine would prevent it; works in the main thread only."""
        ...

    def close(self) -> None:
        """Leave what was joined and end what was started."""
        ...


class InlineConnection:
    """Everything in this process."""

    address: str | None = None

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def heed_signals(self) -> None:
        """Signals are as they were."""

    def close(self) -> None:
        """Nothing was opened."""


def open_connection(settings: Settings) -> Connection:
    """The engine of the settings; raises LLMConfigurationError when its cluster cannot be joined."""
    runtime = settings.runtime
    if runtime.engine == "inline":
        return InlineConnection(InlineEngine(greeting(), pickles=runtime.pickle_round_trip, timeout_s=runtime.ask_timeout_s))
    from .ray_cluster import connect  # noqa: PLC0415 - Ray takes half a second to import, and inline users have none

    return connect(runtime, greeting())


def greeting() -> Greeting:
    """The versions of this process."""
    return Greeting(importlib.metadata.version("polaris-llm"))
