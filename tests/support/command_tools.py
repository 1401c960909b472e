"""Tools and keys for the tests of the command line."""

import os


def getpid() -> int:
    """The process that the tool runs in."""
    return os.getpid()


def token() -> str:
    """A key."""
    return "sk-live-0123456789abcdef"
