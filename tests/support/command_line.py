"""Runs `polaris-llm`: in this process, or as a process of its own."""

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from polaris_llm.cli import main

from .cluster_runtime import TESTS

ESCAPE = "\x1b"
MODEL = "llm.script=support.runtime_model:play"
"""The setting by which the objective itself is the plan of a run."""


def run(*arguments: str, said: str | None = None, **environ: str) -> Result:
    """What the command line makes of its arguments, and of what is piped into it."""
    return CliRunner(env={"POLARIS_ENVIRONMENT": None, "RAY_ADDRESS": None, **environ}).invoke(main, arguments, input=said)


def run_process(*arguments: str, environment: dict[str, str], timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """What a process of its own makes of them."""
    command = [sys.executable, "-m", "polaris_llm", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False, env=environment, cwd=TESTS)


def user(home: Path, environ: dict[str, str]) -> dict[str, str]:
    """The environment of a user whose home is this folder, and who has no Ray."""
    kept = {name: value for name, value in environ.items() if not name.startswith(("RAY_", "XDG_", "POLARIS_"))}
    return {**kept, "HOME": str(home), "PYTHONPATH": TESTS}
