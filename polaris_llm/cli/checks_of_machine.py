"""Checks of what is installed, of this machine's room, and of the runtime that is to be reached."""

import importlib.metadata
import json
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from ..core.settings import RuntimeSettings
from .checks import Finding, ok
from .commands import NO_RUNTIME
from .runtime_choice import RuntimeChoice

PACKAGE = "polaris-llm"
PYTHON = (3, 11)
EXTRAS = {
    "client": "addresses that begin with ray:// (Ray Client)",
    "cluster": "Ray's cluster launcher, `ray up`, and its dashboard",
    "dataframe": "results as a pandas.DataFrame",
    "fast": "a faster event loop (uvloop)",
    "http2": "HTTP/2 with servers that can (the setting http2)",
    "notebook": "running the notebooks",
    "pricing": "what an answer costs (genai-prices)",
    "repair": "reading answers whose JSON is broken",
}
"""What each extra is for; one that is not listed here is told without."""
NOT_FOR_USERS = frozenset({"dev"})
NEEDED_DISK = 2_000_000_000
FULL = 0.95
"""The part of a disk from which on Ray creates no objects any more."""
MAX_TEMP_PATH = 40
"""Characters of the folder for temporary files: the path of a socket of Ray's in it may have 107."""
TOLD_MISSING = 3
IMPORT_S = 60.0
SHARED_MEMORY = Path("/dev/shm")
TOKEN = Path(".ray") / "auth_token"


def checks_of_machine(which: RuntimeChoice, timeout_s: float) -> Iterator[Finding]:
    """All findings, one after another."""
    yield _python()
    yield ok(PACKAGE, f"version {importlib.metadata.version(PACKAGE)}")
    yield _ray()
    for extra in importlib.metadata.metadata(PACKAGE).get_all("Provides-Extra") or ():
        if extra not in NOT_FOR_USERS:
            yield extra_finding(extra)
    yield disk_finding(Path(tempfile.gettempdir()))
    yield memory_finding(SHARED_MEMORY, RuntimeSettings().object_store_bytes)
    yield token_finding(Path.home() / TOKEN)
    yield runtime_finding(which, timeout_s)


def extra_finding(extra: str) -> Finding:
    """Whether what an extra needs is installed."""
    purpose = EXTRAS.get(extra, "an optional part")
    missing = sorted(set(_missing(PACKAGE, extra)))
    if not missing:
        return ok(f"extra {extra}", f"installed: {purpose}")
    told = ", ".join(missing[:TOLD_MISSING]) + (", ..." if len(missing) > TOLD_MISSING else "")
    remedy = f"if you need it: pip install '{PACKAGE}[{extra}]'"
    return Finding(check=f"extra {extra}", verdict="skipped", detail=f"not installed ({told}): {purpose}", remedy=remedy)


def disk_finding(folder: Path) -> Finding:
    """Whether Ray has room for its temporary files."""
    usage = shutil.disk_usage(folder)
    told = f"{folder}: {_gb(usage.free)} free of {_gb(usage.total)}"
    if len(str(folder)) > MAX_TEMP_PATH:
        return _warning("disk for Ray", f"{told}, but the path is too long for Ray's sockets", "set TMPDIR to a shorter one")
    if usage.used > FULL * usage.total or usage.free < NEEDED_DISK:
        return _warning("disk for Ray", told, f"make room, or set TMPDIR to a disk with {_gb(NEEDED_DISK)} free")
    return ok("disk for Ray", told)


def memory_finding(folder: Path, needed: int) -> Finding:
    """Whether Ray's object store fits the shared memory."""
    if not folder.is_dir():
        return Finding(check="shared memory", verdict="skipped", detail=f"there is no {folder} on this system")
    free = shutil.disk_usage(folder).free
    told = f"{folder}: {_gb(free)} free, {_gb(needed)} needed (runtime.object_store_bytes)"
    return ok("shared memory", told) if free >= needed else _warning("shared memory", told, "in a container: --shm-size=256m or more")


def token_finding(path: Path) -> Finding:
    """Whether others on this machine can read the token that opens this user's clusters."""
    if not path.exists():
        return Finding(check="Ray's token", verdict="skipped", detail=f"none yet: `{PACKAGE} start` makes one in ~/{TOKEN}")
    if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        return _warning("Ray's token", f"others on this machine can read ~/{TOKEN}", f"chmod 600 ~/{TOKEN}")
    return ok("Ray's token", f"~/{TOKEN} can be read by this user only")


def runtime_finding(which: RuntimeChoice, timeout_s: float) -> Finding:
    """Whether the runtime answers; it is asked by a process of its own, for Ray may wait for minutes."""
    if which.elsewhere is None and which.local is None:
        return Finding(check="runtime", verdict="skipped", detail=f"no runtime {which.name!r} is being served on this machine")
    command = [sys.executable, "-m", "polaris_llm", "status", "--json", *which.arguments()]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        remedy = "see whether the cluster is there and takes your token; allow more time with --timeout"
        return Finding(check="runtime", verdict="wrong", detail=f"no answer within {timeout_s:g} s", remedy=remedy)
    if asked.returncode == 0:
        return status_finding(which.name, json.loads(asked.stdout))
    said = asked.stderr.strip().removeprefix("Error: ")
    return Finding(check="runtime", verdict="wrong" if asked.returncode == NO_RUNTIME else "warning", detail=said)


def status_finding(name: str, status: dict[str, Any]) -> Finding:  # JSON
    """Whether a runtime lacks tool workers, by what `polaris-llm status --json` tells of it."""
    told = f"{name} at {status['address']}: {len(status['actors'])} actors"
    missing = [f"tool pool {pool}: {why}" for facts in status["actors"].values() for pool, why in facts.get("missing", {}).items()]
    return _warning("runtime", told, "; ".join(missing)) if missing else ok("runtime", told)


def _python() -> Finding:
    detail = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info < PYTHON:
        remedy = f"install Python {'.'.join(map(str, PYTHON))} or newer"
        return Finding(check="Python", verdict="wrong", detail=detail, remedy=remedy)
    return ok("Python", detail)


def _ray() -> Finding:
    """Whether Ray can be imported; by a process of its own, for a broken build may end it."""
    try:
        version = importlib.metadata.version("ray")
        tried = subprocess.run([sys.executable, "-c", "import ray"], capture_output=True, text=True, timeout=IMPORT_S, check=False)
        problem = tried.stderr.strip().splitlines()[-1:] or [f"exit code {tried.returncode}"] if tried.returncode else None
    except importlib.metadata.PackageNotFoundError:
        version, problem = "", ["it is not installed"]
    except subprocess.TimeoutExpired:
        problem = [f"the import took more than {IMPORT_S:g} s"]
    if problem is None:
        return ok("Ray", f"version {version} can be imported")
    remedy = "pip install --force-reinstall ray, or use the engine inline, which needs no Ray"
    return Finding(check="Ray", verdict="wrong", detail=f"version {version or '?'}: {problem[0]}", remedy=remedy)


def _missing(distribution: str, extra: str) -> Iterator[str]:
    """The distributions that an extra of one needs, and that are not installed."""
    for text in importlib.metadata.requires(distribution) or ():
        needed = Requirement(text)
        if needed.marker is None or not needed.marker.evaluate({"extra": extra}) or needed.marker.evaluate({"extra": ""}):
            continue
        try:
            importlib.metadata.version(needed.name)
        except importlib.metadata.PackageNotFoundError:
            yield needed.name
        else:
            for inner in needed.extras:
                yield from _missing(needed.name, inner)


def _warning(check: str, detail: str, remedy: str) -> Finding:
    return Finding(check=check, verdict="warning", detail=detail, remedy=remedy)


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
