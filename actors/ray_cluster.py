"""Joins a Ray cluster, or starts a local one and later ends it without a trace. Ray belongs to whoever started it."""

import contextlib
import os
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray._private.services import canonicalize_bootstrap_address
from ray._raylet import AuthenticationTokenLoader, Config, GcsClient  # type: ignore[attr-defined]  # absent from its stubs
from ray.exceptions import RayError

from ..core.exceptions import LLMConfigurationError
from ..core.settings import RuntimeSettings
from .engine import Engine
from .messages import Greeting
from .ray_engine import RayEngine
from .ray_signals import end_at_once, end_in_order

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
    previous: dict[str, str | None] = field(default_factory=dict)
    """What stood in the environment before."""
    closed: threading.Event = field(default_factory=threading.Event)

    def heed_signals(self) -> None:
        """See Connection."""
        if self.connected:
            end_in_order()

    def close(self) -> None:
        """Leave the cluster, and end it if we started it; a second call does nothing."""
        if not self.connected:
            return
        self.connected = False
        ray.shutdown()
        end_at_once()
        self.closed.set()
        _set_environment(self.previous)
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
    if connection.connected:
        with _closing_on_failure(connection):
            if address is None:
                _start_local(settings, connection)
            else:
                _join(address, settings, connection)
            connection.heed_signals()
    connection.address = ray.get_runtime_context().gcs_address
    return connection


def _join(address: str, settings: RuntimeSettings, connection: RayConnection) -> None:
    if "RAY_AUTH_MODE" not in os.environ and AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True):
        connection.previous = _set_environment({"RAY_AUTH_MODE": "token"})  # a cluster that asks for none does not mind
    try:
        _require_answer(address, settings.connect_timeout_s)
        ray.init(address=address, namespace=settings.namespace, log_to_driver=False, configure_logging=False)
    except (OSError, RuntimeError, ValueError, RayError) as error:
        problem = f"cannot join the Ray cluster at {address!r} ({type(error).__name__}: {error})"
        remedy = "start one there, or leave runtime.address out; one that asks for a token wants it in RAY_AUTH_TOKEN or ~/.ray/auth_token"
        raise LLMConfigurationError(f"{problem}: {remedy}", "runtime.address", address, cause=error) from error


def _require_answer(address: str, within_s: float) -> None:
    """Raise OSError or RayError where no head answers in time: Ray itself goes on trying for minutes, also with one that died."""
    head = None if "://" in address else canonicalize_bootstrap_address(address)
    if head is None:
        return
    host, _, port = head.rpartition(":")
    deadline = time.monotonic() + within_s
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=within_s).close()
    except OSError as error:
        raise ConnectionError(f"its head at {head} takes no connection: {error}") from error
    asked: Future[None] = Future()
    threading.Thread(target=_ask, args=(head, asked), name="polaris-llm joins Ray", daemon=True).start()  # it cannot be told to end
    try:
        asked.result(deadline - time.monotonic())
    except TimeoutError:
        raise TimeoutError(f"its head at {head} does not answer within {within_s:g} s") from None


def _ask(head: str, asked: "Future[None]") -> None:
    try:
        GcsClient(address=head)
    except BaseException as error:  # whatever it is, the asker is told
        asked.set_exception(error)
    else:
        asked.set_result(None)


def _start_local(settings: RuntimeSettings, connection: RayConnection) -> None:
    try:
        _start_local_or_fail(settings, connection)
    except (OSError, RuntimeError, ValueError, RayError) as error:
        problem = f"Ray does not start on this machine ({type(error).__name__}: {error})"
        message = f"{problem}: `polaris-llm doctor` looks for the reason; the engine 'inline' needs no Ray"
        raise LLMConfigurationError(message, "runtime.engine", "ray", cause=error) from error


def _start_local_or_fail(settings: RuntimeSettings, connection: RayConnection) -> None:
    connection.previous = _set_environment({**STEADY, **_admission(settings)})
    connection.folder = tempfile.mkdtemp(prefix="plr")  # short: socket paths may have 107 bytes
    options: dict[str, Any] = {  # keywords of ray.init
        "address": "local",
        "namespace": settings.namespace,
        "num_cpus": settings.num_cpus,
        "object_store_memory": settings.object_store_bytes,
        "include_dashboard": False,
        "log_to_driver": False,
        "configure_logging": False,
        "_temp_dir": connection.folder,
    }
    if threading.current_thread() is threading.main_thread():
        ray.init(**options)
    else:
        _init_in_lasting_thread(options, connection.closed)


def _init_in_lasting_thread(options: dict[str, Any], closed: threading.Event) -> None:  # as above
    """Start Ray from a thread that stays: the processes die with the thread that starts them (Linux, PR_SET_PDEATHSIG)."""
    started: Future[object] = Future()

    def run() -> None:
        try:
            started.set_result(ray.init(**options))
        except BaseException as error:
            started.set_exception(error)
        closed.wait()

    threading.Thread(target=run, name="polaris-llm Ray", daemon=True).start()
    started.result()


def _admission(settings: RuntimeSettings) -> dict[str, str]:
    """Who may join. Ray listens on all interfaces, and whoever joins can run anything: so nobody without the token."""
    if "RAY_AUTH_MODE" in os.environ:
        return {}
    if settings.detached:  # others shall join: Ray keeps a token for them in ~/.ray/auth_token
        _write_users_token()
        return {"RAY_AUTH_MODE": "token"}
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def _write_users_token() -> None:
    """A token where there is none yet, in a file of the user's alone: Ray would make one that everybody on the machine can read."""
    path = Path.home() / ".ray" / "auth_token"
    if AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True):
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))


@contextlib.contextmanager
def _closing_on_failure(connection: RayConnection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _set_environment(environment: Mapping[str, str | None]) -> dict[str, str | None]:
    """Set these variables, or unset them, and return what they were. Ray reads them once, when it is imported: here it reads them again."""
    previous = {name: os.environ.get(name) for name in environment}
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
    return previous
