"""Runs notebooks as people do, each in a kernel of its own: `python -m support.notebooks NAME` prints what the notebook prints."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

TESTS = Path(__file__).parents[1]
NOTEBOOKS = TESTS.parent / "notebooks"
CELL_LIMIT_S = 150
NOTEBOOK_LIMIT_S = 300


def notebook_of(name: str) -> Any:  # an untyped nbformat.NotebookNode
    """A notebook as it is stored."""
    return nbformat.read(NOTEBOOKS / name, as_version=4)  # type: ignore[no-untyped-call]  # as above


def executed(name: str, folder: Path, **environ: str) -> str:
    """What a notebook prints that is run from top to bottom in a folder; every cell must succeed."""
    command = [sys.executable, "-m", "support.notebooks", name]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]), **environ}
    outcome = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=NOTEBOOK_LIMIT_S, check=False)
    assert outcome.returncode == 0, outcome.stderr[-6000:]
    return outcome.stdout


def _run(name: str) -> None:
    notebook = notebook_of(name)
    NotebookClient(notebook, timeout=CELL_LIMIT_S, kernel_name="python3", resources={"metadata": {"path": "."}}).execute()
    outputs = (output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs)
    sys.stdout.writelines(output.text for output in outputs if output.output_type == "stream" and output.name == "stdout")


if __name__ == "__main__":
    _run(sys.argv[1])
