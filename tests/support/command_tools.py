"""Tools for the tests of the command line."""

import os


def getpid() -> int:
    """The process that the tool runs in."""
    return os.getpid()
