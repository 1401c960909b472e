"""Joins a Ray cluster, or starts a local one and later ends it without a trace. Ray belongs to whoever started it."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import ray

from ..core.exceptions import LLMConfigurationError
from ..core.settings import RuntimeSettings
from .engine import Engine
from .messages import Greeting
from .ray_engine import RayEngine

STEADY = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_DEDUP_LOGS": "0"}
"""Ray's environment for a cluster of ours: no reports to outside, no environments rebuilt by uv."""


@dataclass(slots=True)
class RayConnection:
    """This process's connection to Ray, and how to end it."""

    engine: Engine
    connected: bool
    """Whether it was we who connected this process."""
    address: str | None = None
    folder: str | None = None
    previous: dict[str, str | None] | None = None

    def close(self) -> None:
        """Leave the cluster, and end it if we started it; a second call does nothing."""
        if not self.connected:
            return
        self.connected = False
        ray.shutdown()
        if self.previous is not None:
            _put_back(self.previous)
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def connect(settings: RuntimeSettings, greeting: Greeting) -> RayConnection:
    """Use the Ray that this process is connected to, else join the cluster at the address, else start a local one.

    Raises:
        LLMConfigurationError: The address cannot be joined.
    """
    connection = RayConnection(
        RayEngine(settings.namespace, greeting, timeout_s=settings.ask_timeout_s), connected=not ray.is_initialized()
    )
    address = settings.address or os.environ.get("RAY_ADDRESS")
    if connection.connected and address is None:
        _start_local(settings, connection)
    elif connection.connected and address is not None:
        _join(address, settings.namespace)
    connection.address = ray.get_runtime_context().gcs_address
    return connection


def _join(address: str, namespace: str) -> None:
    try:
        ray.init(address=address, namespace=namespace, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        message = f"cannot join the Ray cluster at {address!r} ({type(error).__name__}): start one there, or leave runtime.address out"
        raise LLMConfigurationError(message, config_key="runtime.address", config_value=address, cause=error) from error


def _start_local(settings: RuntimeSettings, connection: RayConnection) -> None:
    # Others may connect to a detached runtime, so it asks them for a token; a private cluster has nobody to ask.
    environment = {**STEADY, "RAY_AUTH_MODE": "token" if settings.detached else "disabled"}
    connection.previous = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    connection.folder = tempfile.mkdtemp(prefix="plr")  # short: socket paths may have 107 bytes
    with _closing_on_failure(connection):
        ray.init(
            address="local",
            namespace=settings.namespace,
            num_cpus=settings.num_cpus,
            object_store_memory=settings.object_store_bytes,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            _temp_dir=connection.folder,
        )


@contextlib.contextmanager
def _closing_on_failure(connection: RayConnection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _put_back(previous: dict[str, str | None]) -> None:
    for name, value in previous.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
