"""SIGTERM in a process that is connected to Ray: it ends the process in order, with all that is to be closed.

Ray installs a handler of its own below Python's (absl's failure handler). It prints a stack, and aborts the process three
seconds later, whatever that is doing. A handler that is set in Python once more takes its place.
"""

import signal
import sys
import threading
from types import FrameType
from typing import Any


def end_in_order() -> None:
    """From now on SIGTERM raises SystemExit in the main thread, unless the program has a handler of its own, which is put back.

    Does nothing in other threads: only the main one may set handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    present = signal.getsignal(signal.SIGTERM)
    if present is not None:  # else it is none of Python's
        signal.signal(signal.SIGTERM, _end if _is_nobodys(present) else present)


def end_at_once() -> None:
    """SIGTERM ends the process as it does by default, if `end_in_order` changed that."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) in (_end, _go_on_ending):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _is_nobodys(handler: Any) -> bool:  # whatever signal.getsignal returns
    return handler is signal.SIG_DFL or getattr(handler, "__module__", "").partition(".")[0] == "ray"


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(number, _go_on_ending)
    sys.exit(128 + number)


def _go_on_ending(number: int, frame: FrameType | None) -> None:
    """A second signal does not disturb the clean-up."""
