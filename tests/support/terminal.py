"""`polaris-llm` in a terminal of its own: what a person types, and what stands on the screen."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .cluster_runtime import TESTS

CTRL_C, CTRL_D = "\x03", "\x04"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PROGRAM = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY); from polaris_llm.cli import main; main()"
"""Makes the terminal the one whose keys send signals to the process, and is the command line then."""
UNWANTED = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "POLARIS_ENVIRONMENT", "RAY_ADDRESS"}
"""Variables of a person's own that would change what is shown."""
SHOWN_S = 60.0
"""Seconds in which what is waited for must appear."""


class Terminal:
    """What a process in a terminal has shown so far, and where to type."""

    def __init__(self, process: subprocess.Popen[bytes], end: int) -> None:
        self._process = process
        self._end = end
        self._read_so_far = b""
        self._waited = 0

    @property
    def shown(self) -> str:
        """With all escape sequences."""
        return self._read_so_far.decode(errors="replace")

    @property
    def lines(self) -> list[str]:
        """What was shown, line by line, each as often as it was drawn, without escape sequences."""
        return [ESCAPES.sub("", line).rstrip() for line in re.split(r"[\r\n]+", self.shown)]

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._end, text.encode())

    def wait_for(self, text: str) -> None:
        """Return when this text was shown, after what was waited for before."""
        deadline = time.monotonic() + SHOWN_S
        while (place := ESCAPES.sub("", self.shown).find(text, self._waited)) < 0:
            assert self._read(deadline), f"{text!r} was not shown: {self.shown}"
        self._waited = place + len(text)

    def ended(self) -> int:
        """The exit code, once the process has ended."""
        deadline = time.monotonic() + SHOWN_S
        while self._read(deadline):
            pass
        return self._process.wait(timeout=SHOWN_S)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._end], [], [], max(0.0, deadline - time.monotonic()))
        try:
            data = os.read(self._end, 65536) if ready else b""
        except OSError:  # how Linux tells that nobody is at the other end
            return False
        self._read_so_far += data
        return bool(data)


@contextmanager
def terminal(*arguments: str, columns: int = 80) -> Iterator[Terminal]:
    """A terminal of this width in which `polaris-llm` runs with these arguments; the process is killed at last."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in UNWANTED}
    environment = {**kept, "TERM": "xterm-256color", "PYTHONPATH": TESTS}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True)
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
