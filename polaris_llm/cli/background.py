"""Starts `polaris-llm start` as a process of its own, and waits until others can connect to what it serves."""

import os
import select
import subprocess
import sys
from collections import deque
from pathlib import Path

from ..actors.local_runtimes import LocalRuntime, Place
from ..core.exceptions import LLMConfigurationError

READY_S = 180.0
"""Seconds that Ray and the actors may take to start."""
TOLD_LINES = 10
"""Of the log, when the process failed."""


def start_in_background(name: str, arguments: list[str]) -> LocalRuntime:
    """What the new process serves, once it does; raises LLMConfigurationError with what it said when it failed."""
    place = Place(name)
    place.prepare()
    ready, tell_ready = os.pipe()
    try:
        process = _spawned(place.log, [*arguments, "--ready-fd", str(tell_ready)], tell_ready)
    finally:
        os.close(tell_ready)
    try:
        found = place.find() if _is_ready(ready) else None
    except BaseException:  # Ctrl-C
        process.terminate()
        raise
    if found is None:
        process.terminate()
        raise LLMConfigurationError(
            f"the runtime {name!r} did not start: {_last_words(place.log)}", config_key="runtime", config_value=name
        )
    return found


def _is_ready(ready: int) -> bool:
    with open(ready, "rb") as pipe:
        readable, _, _ = select.select([pipe], [], [], READY_S)
        return bool(readable and pipe.read(1))  # nothing: the process has ended, and its end of the pipe with it


def announced(ready_fd: int) -> None:
    """Tell the process that started this one that others can connect."""
    with open(ready_fd, "wb") as pipe:
        pipe.write(b"1")


def _spawned(log: Path, arguments: list[str], inherited: int) -> subprocess.Popen[bytes]:
    log.unlink(missing_ok=True)
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "polaris_llm", "start", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C in this terminal is not meant for it
            pass_fds=[inherited],
        )


def _last_words(log: Path) -> str:
    with log.open(encoding="utf-8", errors="replace") as lines:
        said = "".join(deque(lines, maxlen=TOLD_LINES)).strip()
    return said.removeprefix("Error: ") or f"it did not say why; see {log}"
