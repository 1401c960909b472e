"""Functions that give secrets, well and badly."""

import itertools

_NUMBERS = itertools.count()
NO_FUNCTION = 1


def renewed() -> str:
    """Another token each time."""
    return f"token-{next(_NUMBERS)}"


async def renewed_later() -> str:
    """The same, for those who must wait for it."""
    return renewed()


def broken() -> str:
    """Tells the secret in its error."""
    raise ValueError("sk-live-4711")


def empty() -> str:
    """Nothing."""
    return " "
