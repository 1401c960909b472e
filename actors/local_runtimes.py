"""Where runtimes are that a process of this user serves on this machine, so that others find them by their name alone.

Each has a record in a folder of the user's own, and a lock that the serving process holds: a record without it is of a process that
died. Ray's token is not in there: Ray itself keeps it in ~/.ray/auth_token.
"""

import contextlib
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from ..core.exceptions import LLMConfigurationError
from ..core.settings import Settings

PROBE_S = 2.0
"""Seconds that a starter waits for the lock; those who only look let go of it at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRuntime:
    """A runtime that is being served."""

    name: str
    namespace: str
    address: str
    """Of its Ray cluster."""
    pid: int
    """The process that serves it, and ends it when told to terminate."""
    started_at: float
    log: str | None = None
    """The file that takes what the process prints, if it runs in the background."""


_RECORD: TypeAdapter[LocalRuntime] = TypeAdapter(LocalRuntime)


class Place:
    """The record of one name, for the process that serves it and for those who look for it."""

    def __init__(self, name: str, environ: Mapping[str, str] = os.environ) -> None:
        self.name = name
        folder = state_folder(environ)
        host = platform.node() or "localhost"  # homes may be shared by machines
        self._record = folder / f"{name}.{host}.json"
        self._lock_path = folder / f"{name}.{host}.lock"
        self.log = folder / f"{name}.{host}.log"

    def prepare(self) -> None:
        """Make the folder, for the user only; raises LLMConfigurationError when that is not possible."""
        folder = self._record.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            message = f"cannot make the folder {folder} ({error.strerror}): set XDG_STATE_HOME to a folder that can be written"
            raise LLMConfigurationError(message, config_key="XDG_STATE_HOME", config_value=str(folder)) from error

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else serves this name meanwhile; raises LLMConfigurationError if somebody does already."""
        self.prepare()
        try:
            with self._lock().acquire(timeout=PROBE_S):
                try:
                    yield
                finally:
                    self._record.unlink(missing_ok=True)
        except Timeout:
            message = f"a runtime {self.name!r} is being served on this machine already: stop it, or give this one another name"
            raise LLMConfigurationError(message, config_key="runtime.name", config_value=self.name) from None

    def announce(self, runtime: LocalRuntime) -> None:
        """Write where the runtime is, for this user only."""
        draft = self._record.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_RECORD.dump_json(runtime))
        draft.replace(self._record)

    def find(self) -> LocalRuntime | None:
        """Where the runtime is; None if nobody serves it, or not yet."""
        return self._read() if self._record.exists() and not self.released(0) else None

    def released(self, timeout_s: float) -> bool:
        """Whether the process that served it is gone, or goes within this time."""
        if not self._lock_path.exists():
            return True
        try:
            with self._lock().acquire(timeout=timeout_s):
                return True
        except Timeout:
            return False

    def _lock(self) -> FileLock:
        return FileLock(self._lock_path, mode=0o600)

    def _read(self) -> LocalRuntime | None:
        try:
            return _RECORD.validate_json(self._record.read_bytes())
        except (FileNotFoundError, ValidationError):  # it ended just now, or another version wrote it
            return None


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's own folder for what programs keep between their runs (XDG_STATE_HOME)."""
    root = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(root) / "polaris-llm"


def with_local_address(settings: Settings, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings with the place of the runtime of this name that is served on this machine, where nothing else says where to look."""
    runtime = settings.runtime
    if runtime.engine != "ray" or runtime.address is not None or environ.get("RAY_ADDRESS"):
        return settings
    found = Place(runtime.name, environ).find()
    if found is None:
        return settings
    place = {"address": found.address, "namespace": found.namespace}
    return settings.model_copy(update={"runtime": runtime.model_copy(update=place)})
