"""What a child process does first: it sees to its own end. `tool_children.py` starts this with -m; `tool_child.py` takes over.

The process leads a group of its own, with all that its tools will start, and none of them outlives the parent. This file imports
next to nothing, so that the second process, which waits for that, stays small.
"""

import importlib
import os
import select
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


def main(parent_pid: str, *arguments: str) -> None:
    """Answer calls until the parent is gone."""
    _leave_a_watch()
    _die_with(int(parent_pid))
    importlib.import_module(".tool_child", __package__).main(*arguments)


def _leave_a_watch() -> None:
    """Let a second process wait until nobody holds the other end of stdin any more, and then kill the group.

    The kernel kills this process with its parent, but not what its tools started. The second one runs no tool, so nothing holds
    it up; it reads nothing, and dies with the group where that is killed otherwise.
    """
    if os.fork() != 0:
        return
    try:
        os.closerange(1, os.sysconf("SC_OPEN_MAX"))  # or nobody would see that the first one has ended; uvloop passes copies on
        calls = select.poll()
        calls.register(0, 0)
        calls.poll()
    finally:
        os.killpg(0, signal.SIGKILL)


def _die_with(parent_pid: int) -> None:
    """On Linux the kernel kills this process as soon as the parent's thread that started it ends, even while a tool holds the GIL."""
    if sys.platform == "linux":
        ctypes = importlib.import_module("ctypes")  # not before the watch was left
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:  # it died before that
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
