"""The notebooks: stored without outputs, told as stories, and true when they are run."""

from pathlib import Path

import pytest

from polaris_llm import SimulationResults
from support.notebooks import NOTEBOOKS, executed, notebook_of

NAMES = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))


def test_there_are_three_notebooks() -> None:
    assert NAMES == ["01_parallel_scenarios.ipynb", "02_agents_and_tools.ipynb", "03_against_a_cluster.ipynb"]


@pytest.mark.parametrize("name", NAMES)
def test_notebook_stores_no_outputs_and_says_that_a_mock_decides(name: str) -> None:
    cells = notebook_of(name).cells

    code = [cell for cell in cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [None] * len(code)
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert cells[0].source.startswith("# ")
    assert "script" in cells[0].source


@pytest.mark.timeout(320)
def test_parallel_scenarios_come_to_their_conclusions(tmp_path: Path) -> None:
    printed = executed("01_parallel_scenarios.ipynb", tmp_path)

    assert "32 runs in" in printed
    assert "decided by mock (a script, no language model)" in printed
    assert len(SimulationResults.load(tmp_path / "boot_times.json").finished) == 32
    assert "rising_load[boot_s=180]-8" in (tmp_path / "boot_times.html").read_text(encoding="utf-8")


@pytest.mark.timeout(320)
def test_agents_and_tools_do_what_is_told(tmp_path: Path) -> None:
    printed = executed("02_agents_and_tools.ipynb", tmp_path)

    assert "completed 3 model calls" in printed
    assert "The |load |is |rising, " in printed
    assert "usage_report stream_finished" in printed
