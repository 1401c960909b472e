"""Results as they are taken away: rows, CSV, DataFrames, and JSON that comes back."""

import csv
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from polaris_llm.core.exceptions import ErrorRecord, LLMConfigurationError, OutcomeUnknownError
from polaris_llm.core.scenarios.manifest import Manifest
from polaris_llm.core.scenarios.results import SimulationResults
from polaris_llm.core.scenarios.row_table import RowTable
from polaris_llm.core.scenarios.scenario_file import ScenarioFile
from polaris_llm.core.scenarios.scenario_result import ScenarioFailure
from support.scenario_results import finished

SCENARIOS = ScenarioFile.load("high_load", {"grid": {"plant.boot_s": [30, 60]}, "seeds": 2, "periods": 3}).scenarios()


def results() -> SimulationResults:
    failure = ScenarioFailure(scenario=SCENARIOS[3], error=ErrorRecord.of(OutcomeUnknownError("the actor died, twice")))
    return SimulationResults(simulation_id="s", results=(*map(finished, SCENARIOS[:3]), failure), wall_s=2.0)


def test_every_run_is_a_row_also_one_that_failed() -> None:
    records = results().runs.records()

    assert [record["status"] for record in records] == ["finished"] * 3 + ["failed"]
    assert [record["plant.boot_s"] for record in records] == [30, 30, 60, 60]
    assert records[0]["agent"] == "local model m"
    assert records[0]["tokens"] == 36
    assert (records[3]["error"], records[3]["utility"]) == ("the actor died, twice", None)


def test_every_decision_is_a_row_with_what_came_of_it() -> None:
    table = results().decisions

    first = table.records()[0]
    assert len(table) == 9
    assert (first["scenario"], first["period"], first["status"]) == ("high_load[boot_s=30]-1", 1, "completed")
    assert {"action", "value", "reasoning", "problem", "utility", "response_time_s", "dimmer", "servers", "session_id"} <= first.keys()


def test_utility_of_a_run_is_the_sum_of_its_decisions() -> None:
    made = results()

    for run in made.rows():
        total = sum(float(str(one["utility"])) for one in made.decisions.records() if one["scenario"] == run.scenario)
        assert total == pytest.approx(run.utility)


def test_csv_has_a_heading_and_empty_fields_for_what_is_not_there(tmp_path: Path) -> None:
    text = results().to_csv(tmp_path / "runs.csv")

    rows = list(csv.DictReader(io.StringIO(text)))
    assert (tmp_path / "runs.csv").read_text(encoding="utf-8") == text
    assert len(rows) == 4
    assert (rows[3]["utility"], rows[3]["error"]) == ("", "the actor died, twice")


def test_dataframe_has_the_same_columns_and_rows() -> None:
    made = results()

    runs, decisions = made.to_dataframe(), made.decisions.to_dataframe()

    assert list(runs.columns) == list(made.runs.columns)
    assert runs.groupby("plant.boot_s")["utility"].count().to_dict() == {30: 2, 60: 1}
    assert decisions.shape == (9, len(made.decisions.columns))


def test_lists_that_a_grid_chose_can_be_grouped_by() -> None:
    file = ScenarioFile.load("high_load", {"grid": {"arrivals.ramp.end": [[40, 50], 60]}, "periods": 2, "seeds": 1})
    made = SimulationResults(simulation_id="s", results=tuple(map(finished, file.scenarios())), wall_s=1.0)

    groups = made.to_dataframe().groupby("arrivals.ramp.end")["utility"].count()

    assert groups.to_dict() == {"[40, 50]": 1, 60: 1}


def test_json_comes_back_equal(tmp_path: Path) -> None:
    made = results()

    made.to_json(tmp_path / "results.json")

    assert SimulationResults.load(tmp_path / "results.json") == made


def test_finished_runs_of_a_manifest_are_results_too(tmp_path: Path) -> None:
    path = tmp_path / "night.jsonl"
    manifest = Manifest(path)
    for number, scenario in enumerate(SCENARIOS[:2]):
        manifest.add(str(number), finished(scenario))
    path.write_bytes(path.read_bytes() + b'{"key": "half')
    before = path.read_bytes()

    made = SimulationResults.load(path)

    assert (made.simulation_id, made.results) == ("night", tuple(map(finished, SCENARIOS[:2])))
    assert path.read_bytes() == before  # whoever runs it may be writing


@pytest.mark.parametrize(("text", "problem"), [("{", "holds no results"), ('{"wall_s": 1}', "holds no results"), (None, "No such file")])
def test_file_without_results_is_refused(tmp_path: Path, text: str | None, problem: str) -> None:
    path = tmp_path / "results.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")

    with pytest.raises(LLMConfigurationError, match=f"{problem}.*name a file that SimulationResults.to_json wrote"):
        SimulationResults.load(path)


def test_summary_and_comparison_are_by_group() -> None:
    made = results()

    assert [summary.group for summary in made.summary()] == ["high_load[boot_s=30]", "high_load[boot_s=60]"]
    assert [comparison.difference.mean for comparison in made.compare(made)] == [0, 0]


def test_records_with_other_columns_share_a_table() -> None:
    records: list[dict[str, Any]] = [{"a": 1}, {"b": 2, "a": None}]

    table = RowTable.of(records, columns=["b"])

    assert table.columns == ("b", "a")
    assert table.rows == ((None, 1), (2, None))
    assert table.to_csv() == "b,a\n,1\n2,\n"


def test_dataframe_without_pandas_names_the_extra() -> None:
    program = """
import sys

sys.modules["pandas"] = None
from polaris_llm import LLMConfigurationError
from polaris_llm.core.scenarios.row_table import RowTable

try:
    RowTable.of([{"a": 1}]).to_dataframe()
except LLMConfigurationError as error:
    print(error.message)
"""

    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert "pip install 'polaris-llm[dataframe]', or use to_csv()" in outcome.stdout
