"""The manifest: finished runs come back, also after a crash, and no other file is written to."""

import fcntl
import os
from dataclasses import replace
from pathlib import Path

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.scenarios.baseline import thresholds
from polaris_llm.core.scenarios.control_loop import run_policy
from polaris_llm.core.scenarios.families import high_load
from polaris_llm.core.scenarios.manifest import EARLIER, HEADING, Manifest, is_manifest, read_runs, run_key
from polaris_llm.core.scenarios.report import row
from polaris_llm.core.scenarios.scenario_result import ScenarioResult

SCENARIO = high_load(1, 3)
SPEC = RunSpec(objective="", model="m")
ENDPOINT = {"kind": "local", "base_url": "http://127.0.0.1:8080/v1", "model": "m"}


def a_result(seed: int = 1) -> ScenarioResult:
    loop = run_policy(high_load(seed, 3), thresholds)
    return ScenarioResult(row=row(loop, [], 1.0), loop=loop, outcomes=())


def test_finished_runs_come_back_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    first = Manifest(path)
    first.add("one", a_result(1))
    first.add("two", a_result(2))

    again = Manifest(path)

    assert (len(again), again.finished("one"), again.finished("two")) == (2, a_result(1), a_result(2))
    assert again.finished("three") is None


def test_line_that_was_cut_off_is_cut_away(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    Manifest(path).add("one", a_result())
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"key": "two", "resu')

    Manifest(path).add("three", a_result())

    assert len(Manifest(path)) == 2
    assert path.read_bytes().startswith(whole + b'{"key": "three"')


@pytest.mark.parametrize("length", [0, 5, len(HEADING)])
def test_heading_that_was_cut_off_is_made_whole(tmp_path: Path, length: int) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(HEADING[:length], encoding="utf-8")

    Manifest(path).add("one", a_result())

    assert len(Manifest(path)) == 1


@pytest.mark.parametrize("text", ["name: mine\narrivals: {}\n", "{}", "\n"])
def test_other_file_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(LLMConfigurationError, match="is no manifest of a simulation: name another file, or a new one"):
        Manifest(path)

    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("line", ["{}", "[1]", "not JSON", '{"key": "k", "result": {"row": 1}}'])
def test_line_that_is_no_run_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "runs.jsonl"
    Manifest(path).add("one", a_result())
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")

    with pytest.raises(LLMConfigurationError, match="line 3 is no finished run of this version"):
        Manifest(path)


def test_folder_that_is_not_there_is_an_error_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(LLMConfigurationError, match="cannot be written: No such file or directory; name a file in a folder"):
        Manifest(tmp_path / "none" / "runs.jsonl")


def test_run_is_known_by_its_scenario_and_its_agent() -> None:
    key = run_key(SCENARIO, SPEC, ENDPOINT)

    assert key == run_key(high_load(1, 3), replace(SPEC), dict(ENDPOINT))
    others = [
        run_key(high_load(2, 3), SPEC, ENDPOINT),
        run_key(SCENARIO, replace(SPEC, model="n"), ENDPOINT),
        run_key(replace(SCENARIO, repetition=2), SPEC, ENDPOINT),
        run_key(SCENARIO, SPEC, {**ENDPOINT, "base_url": "http://127.0.0.1:8081/v1"}),
    ]
    assert len({key, *others}) == 5


def test_manifest_of_an_earlier_version_is_read_and_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    Manifest(path).add("one", a_result())
    path.write_text(path.read_text(encoding="utf-8").replace(HEADING, EARLIER), encoding="utf-8")

    assert is_manifest(path)
    assert read_runs(path) == {"one": a_result()}
    with pytest.raises(LLMConfigurationError, match=r"is a manifest of an earlier version, .*: name a new file"):
        Manifest(path)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="a file that nobody can shorten is one of Linux's")
def test_file_that_cannot_be_made_whole_is_an_error_that_names_it() -> None:
    sealed = os.memfd_create("runs", os.MFD_ALLOW_SEALING)
    os.write(sealed, f"{HEADING}\ncut off".encode())
    fcntl.fcntl(sealed, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    path = Path(f"/proc/self/fd/{sealed}")

    with pytest.raises(LLMConfigurationError, match=f"{path}: cannot be written: Operation not permitted; name a file in a folder"):
        Manifest(path)

    os.close(sealed)
