"""`polaris-llm run`: the scenarios of a file, what would run, what came of it, and where it is kept."""

import json
from pathlib import Path

import pytest

from polaris_llm.cli.simulations import print_results
from polaris_llm.core.scenarios.families import high_load
from polaris_llm.core.scenarios.results import SimulationResults
from polaris_llm.core.scenarios.scenario_file import scenario_schema
from support.command_line import run
from support.scenario_results import finished, with_problem

SMALL = ("run", "high_load", "--seeds", "2", "--periods", "2")


def test_a_dry_run_tells_what_would_run() -> None:
    result = run(*SMALL, "--grid", "plant.boot_s=30,60", "--dry-run")

    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert [row[1:3] for row in rows] == [["1", "2"], ["2", "2"], ["1", "2"], ["2", "2"]]
    assert "4 runs with 8 decisions would run" in result.stderr


def test_a_dry_run_speaks_json() -> None:
    told = json.loads(run(*SMALL, "--grid", "plant.boot_s=[30,60]", "--dry-run", "--json").stdout)

    assert (told["name"], told["decisions"], len(told["runs"])) == ("high_load", 8, 4)
    assert told["runs"][0]["variant"] == {"plant.boot_s": 30}


def test_the_results_stand_beside_the_baselines_and_are_written_in_every_form(tmp_path: Path) -> None:
    files = [tmp_path / f"results{suffix}" for suffix in (".json", ".csv", ".html")]

    result = run(*SMALL, *(text for file in files for text in ("--out", str(file))))

    assert result.exit_code == 0
    assert "high_load-2" in result.stdout
    assert "of 2 runs" in result.stdout
    assert [file.exists() for file in files] == [True] * 3
    assert len(SimulationResults.load(files[0]).finished) == 2
    assert len(files[1].read_text().splitlines()) == 3


def test_finished_runs_of_a_manifest_are_not_run_again_and_results_are_compared(tmp_path: Path) -> None:
    manifest, before = tmp_path / "runs.jsonl", tmp_path / "before.json"
    run(*SMALL, "--manifest", str(manifest), "--out", str(before))
    kept = manifest.read_text()

    result = run(*SMALL, "--manifest", str(manifest), "--compare", str(before), "--json")

    told = json.loads(result.stdout)
    assert (result.exit_code, manifest.read_text() == kept) == (0, True)
    assert (told["summary"][0]["runs"], told["comparison"][0]["difference"]["mean"]) == (2, 0.0)


def test_for_programs_runs_and_groups_are_lines_of_fields_and_no_line_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    problem = "the model could not be reached: " + "no route to the host " * 10
    spoilt = [with_problem(finished(high_load(seed)), problem.strip()) for seed in (1, 2)]

    print_results(SimulationResults(simulation_id="s", results=tuple(spoilt), wall_s=1.0))

    runs, groups = (block.splitlines() for block in capsys.readouterr().out.split("\n\n")[:2])
    assert [line.split("\t")[0] for line in runs] == ["high_load-1", "high_load-2"]
    assert [line.count("\t") for line in (*runs, groups[0])] == [9, 9, 6]
    assert groups[2:] == [f"2 decisions without effect: {problem.strip()}"]


def test_runs_that_fail_are_told_and_are_exit_code_4() -> None:
    result = run(*SMALL, "--with", "agent.tools=[nowhere:tool]")

    assert result.exit_code == 4
    assert "high_load-1 failed: " in result.stderr
    assert "2 runs failed" in result.stdout


def test_the_schema_of_scenario_files_is_printed() -> None:
    assert json.loads(run("run", "--schema").stdout) == scenario_schema()


def test_a_file_that_cannot_be_written_is_named_before_anything_runs(tmp_path: Path) -> None:
    folder = tmp_path / "results.csv"
    folder.mkdir()

    result = run(*SMALL, "--out", str(folder))

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: --out {folder}: nothing can be written there")


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("nowhere",), 1, "there is no scenario file 'nowhere' and no family of that name"),
        (("high_load", "--with", "plant.boots=3"), 1, "did you mean 'boot_s'?"),
        (("high_load", "--with", "plant"), 1, "--with 'plant' is no PATH=VALUE"),
        (("high_load", "--out", "results.txt"), 2, "'results.txt' ends with none of .json, .csv, .html"),
        (("high_load", "--out", "missing/results.csv"), 1, "there is no folder missing: make it first"),
        (("high_load", "--compare", "missing.json"), 1, "missing.json"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(arguments: tuple[str, ...], code: int, problem: str) -> None:
    result = run("run", *arguments)

    assert (result.exit_code, result.stdout) == (code, "")
    assert problem in result.stderr
    assert "decisions" not in result.stderr
