"""Which core a process runs on, so that a client and its server do not take turns."""

import os
from typing import Literal


def pin(role: Literal["client", "server"]) -> None:
    """Keep this process on the last core as a client, on the one before it as a server, where that can be said."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[-1] if role == "client" else cores[-2:][0]})
