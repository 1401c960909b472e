"""Scenarios on a cluster: the same results as in one process, and the notebook that joins a runtime there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.scenarios.scenario_file import ScenarioFile
from support.cluster_runtime import new_name, settings_of
from support.notebooks import executed

REASONER = {"script": "polaris_llm.core.scenarios.reasoner:reason"}


@pytest.fixture(scope="module")
def reasoning(runtime: LLMRuntime) -> Iterator[LLMRuntime]:
    """A second runtime on the same Ray, whose model reasons about the farm."""
    with LLMRuntime.start(settings_of(new_name(), llm=REASONER)) as other:
        yield other


def test_simulation_comes_to_the_same_as_in_one_process(reasoning: LLMRuntime, tmp_path: Path) -> None:
    scenarios = ScenarioFile.load("failure_recovery", {"seeds": 3, "periods": 4}).scenarios()
    manifest, told = tmp_path / "runs.jsonl", list[tuple[int, int]]()
    with LLMRuntime.start({"llm": REASONER}, engine="inline") as inline:
        expected = inline.simulate(scenarios)

    results = reasoning.simulate(
        scenarios, max_in_flight=2, manifest=manifest, on_progress=lambda decided, total: told.append((decided, total))
    )
    again = reasoning.simulate(scenarios, manifest=manifest)

    assert [result.loop for result in results.finished] == [result.loop for result in expected.finished]
    assert told[-1] == (12, 12)
    assert again.results == results.results


@pytest.mark.timeout(400)
def test_notebook_connects_submits_leaves_and_comes_back(runtime: LLMRuntime, reasoning: LLMRuntime, tmp_path: Path) -> None:
    name = reasoning.settings.runtime.name

    printed = executed("03_against_a_cluster.ipynb", tmp_path, POLARIS_LLM_RUNTIME=name, RAY_ADDRESS=str(runtime.address))

    assert all(reasoning.session(f"{name}-night-{number}").result(10).ok for number in range(1, 21))
    assert "20 sessions are in the journal" in printed
    assert "provider: mock" in printed
    assert printed.count("run_started") == printed.count("run_ended") == 1  # of the one that was watched, in two parts
