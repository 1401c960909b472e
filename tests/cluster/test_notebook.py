"""The notebook that joins a runtime on a cluster, run against one."""

from pathlib import Path

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from support.cluster_runtime import new_name, settings_of
from support.notebooks import executed


@pytest.mark.timeout(400)
def test_notebook_connects_submits_leaves_and_comes_back(runtime: LLMRuntime, tmp_path: Path) -> None:
    reasoner = {"script": "polaris_llm.core.scenarios.reasoner:reason"}
    with LLMRuntime.start(settings_of(new_name(), llm=reasoner)) as other:
        name = other.settings.runtime.name

        printed = executed("03_against_a_cluster.ipynb", tmp_path, POLARIS_LLM_RUNTIME=name, RAY_ADDRESS=str(runtime.address))

        assert all(other.session(f"{name}-night-{number}").result(10).ok for number in range(1, 21))
    assert "20 sessions are in the journal" in printed
    assert "provider: mock" in printed
    assert printed.count("run_started") == printed.count("run_ended") == 1  # of the one that was watched, in two parts
