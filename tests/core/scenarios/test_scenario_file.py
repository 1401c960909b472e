"""Scenario files: what they expand to, and what is said of one that is wrong."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import JsonValue

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.runs import RunLimits, RunSpec
from polaris_llm.core.scenarios.scenario import FARM_TOOLS, Failure
from polaris_llm.core.scenarios.scenario_file import FAMILIES_FOLDER, ScenarioFile, scenario_schema, shipped
from polaris_llm.core.settings_file import read_settings_file

MINIMAL: dict[str, Any] = {"name": "mine", "arrivals": {"steady": {"rate": 20}}}


def parsed(**settings: Any) -> ScenarioFile:
    return ScenarioFile.parse({**MINIMAL, **settings}, "mine.yaml")


def written(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_few_lines_are_a_scenario(tmp_path: Path) -> None:
    path = written(tmp_path, "name: mine\narrivals:\n  steady: {rate: 20}\n  scatter: false\nperiods: 3\n")

    (scenario,) = ScenarioFile.load(path).scenarios()

    assert (scenario.name, scenario.family, scenario.group, scenario.seed) == ("mine-1", "mine", "mine", 1)
    assert scenario.trace == (20.0,) * 4
    assert scenario.tools == FARM_TOOLS


def test_parts_of_the_load_are_added_up() -> None:
    arrivals = {
        "steady": {"rate": 10},
        "ramp": {"start": 0, "end": 8, "over": 1},
        "steps": [{"begins": 0.5, "rate": 5}],
        "flash_crowds": [{"peak": 20, "onset": 0.75, "rise_s": 0, "half_life_s": 60}],
        "scatter": False,
    }

    (scenario,) = parsed(arrivals=arrivals, periods=4).scenarios()

    assert scenario.trace == pytest.approx((10, 12, 10 + 4 + 5, 10 + 6 + 5 + 20, 10 + 8 + 5 + 10))


def test_grid_seeds_and_repetitions_are_multiplied() -> None:
    file = parsed(grid={"plant.boot_s": [30, 60, 90], "arrivals.steady.rate": [20, [30, 40]]}, seeds=[3, 5], repetitions=2)

    scenarios = file.scenarios()

    assert len(scenarios) == file.runs == 3 * 2 * 2 * 2
    assert len({scenario.name for scenario in scenarios}) == file.runs
    assert scenarios[0].name == "mine[boot_s=30,rate=20]-3-r1"
    assert scenarios[-1].name == "mine[boot_s=90,rate=30+40]-5-r2"
    assert scenarios[-1].parameters.boot_s == 90
    assert (scenarios[-1].variant, scenarios[-1].repetition) == ({"plant.boot_s": 90, "arrivals.steady.rate": [30, 40]}, 2)


def test_hundreds_of_runs_come_from_one_file() -> None:
    file = ScenarioFile.load("high_load", {"grid": {"plant.boot_s": [0, 30, 60, 120], "arrivals.ramp.over": [0.2, 0.5]}, "seeds": 30})

    assert len(file.scenarios()) == 240


def test_what_a_seed_draws_for_one_setting_does_not_hang_on_the_others() -> None:
    arrivals = {"ramp": {"start": [10, 20], "end": [40, 50]}, "flash_crowds": [{"peak": [5, 9], "onset": [0.5, 0.9]}]}
    file = parsed(arrivals=arrivals, grid={"arrivals.ramp.end": [[40, 50], 70], "plant.boot_s": [30, 60]}, seeds=5)

    by_group = {scenario.group: scenario for scenario in file.scenarios() if scenario.seed == 4}

    assert by_group["mine[end=40+50,boot_s=30]"].trace == by_group["mine[end=40+50,boot_s=60]"].trace
    assert by_group["mine[end=40+50,boot_s=30]"].trace[0] == by_group["mine[end=70,boot_s=30]"].trace[0]


def test_repetitions_meet_the_same_load() -> None:
    first, second = parsed(repetitions=2).scenarios()

    assert (first.trace, first.repetition, second.repetition) == (second.trace, 1, 2)


def test_failures_happen_in_the_period_of_their_time() -> None:
    (scenario,) = parsed(periods=10, failures=[{"at": 0}, {"at": 0.55, "servers": 2}, {"at": 1}]).scenarios()

    assert scenario.failures == (Failure(period=1), Failure(period=6, servers=2), Failure(period=10))


def test_plant_limits_and_agent_reach_the_scenario() -> None:
    plant = {"max_servers": 5, "start_servers": 2, "start_dimmer": 0.5, "dispatch": "shared_queue"}
    agent = {"provider": "flash", "temperature": 0.0, "max_steps": 4, "deadline_s": 20.0, "tools": ["get_metrics", "lab.tools:look"]}

    (scenario,) = parsed(plant=plant, limits={"actions": ["SET_DIMMER"], "max_dimmer_step": 0.25}, agent=agent).scenarios()

    assert (scenario.parameters.max_servers, scenario.initial.active, scenario.initial.dimmer) == (5, 2, 0.5)
    assert (scenario.parameters.dispatch, scenario.parameters.limits.max_dimmer_step) == ("shared_queue", 0.25)
    assert scenario.tools == ("get_metrics", "lab.tools:look")
    spec = scenario.agent.applied(RunSpec(objective="", model="kept", limits=RunLimits(max_repairs=1)))
    assert (spec.provider, spec.model, spec.temperature) == ("flash", "kept", 0.0)
    assert spec.limits == RunLimits(max_steps=4, deadline_s=20.0, max_repairs=1)


def test_replay_is_read_from_beside_the_scenario_file(tmp_path: Path) -> None:
    written(tmp_path, "time,rate\n0,10\n60,20\n120,40\n", "day.csv")
    path = written(tmp_path, "name: day\nperiods: 2\narrivals:\n  replay: {file: day.csv, scale: 0.5}\n  scatter: false\n")

    (scenario,) = ScenarioFile.load(path).scenarios()

    assert scenario.trace == (5, 10, 20)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("rate\n10\nmany\n30\n", "line 3: 'many' is no rate: expected requests per second, 0 or more"),
        ("rate\n10\n-1\n30\n", "line 3: '-1' is no rate"),
        ("load\n10\n", "has no column 'rate'; its columns: load. Name one in arrivals.replay.column"),
        ("rate\n", "has no row below its heading"),
        ("rate\n10\n", "covers 60 s, and the run with its warm-up takes 180 s: give more rows, or run fewer periods"),
    ],
)
def test_replay_that_does_not_fit_says_where(tmp_path: Path, rows: str, problem: str) -> None:
    written(tmp_path, rows, "day.csv")
    path = written(tmp_path, "name: day\nperiods: 2\narrivals: {replay: {file: day.csv}}\n")

    with pytest.raises(LLMConfigurationError) as caught:
        ScenarioFile.load(path).scenarios()

    assert problem in caught.value.message


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"plant.boot_z": 3}, "plant.boot_z = 3: unknown name; did you mean 'boot_s'? allowed: max_servers, boot_s"),
        ({"arrivals.ramp": {"start": 1, "ende": 2}}, "arrivals.ramp.ende = 2: unknown name; did you mean 'end'?"),
        ({"arrivals.ramp": {"start": 1}}, "arrivals.ramp.end: it is missing: add it"),
        ({"arrivals.steady.rate": [5, 1]}, "arrivals.steady.rate: [5, 1]: expected a number of 0 or more, or [lowest, highest]"),
        ({"arrivals.steady.rate": "fast"}, "arrivals.steady.rate = 'fast': 'fast': expected a number, or [lowest, highest]"),
        ({"arrivals.steady.rate": -1}, "arrivals.steady.rate = -1: -1: expected a number of 0 or more"),
        ({"arrivals": {}}, "arrivals: no load is given: give steady, ramp"),
        ({"arrivals.replay.file": "none.csv"}, "arrivals.replay.file = 'none.csv': there is no file none.csv"),
        ({"failures": [{"at": 1.5}]}, "failures.0.at = 1.5: 1.5: expected a number from 0 to 1"),
        ({"plant.start_servers": 4}, "plant: start_servers 4 is above max_servers 3: begin with fewer"),
        ({"plant.basic_service_s": 1.0}, "plant: basic_service_s 1.0 is not below optional_service_s"),
        ({"limits.actions": ["REBOOT"]}, "limits.actions.0 = 'REBOOT': expected to be 'SET_DIMMER', 'ADD_SERVER'"),
        ({"limits": {"min_dimmer": 0.9, "max_dimmer": 0.1}}, "limits: min_dimmer 0.9 is above max_dimmer 0.1: exchange them"),
        ({"seeds": 0}, "seeds = 0: expected how many seeds, at least 1, or a list of different seeds"),
        ({"seeds": [1, 1]}, "seeds: expected how many seeds"),
        ({"name": "a b"}, "name = 'a b': expected a name of letters, digits"),
        ({"grid": {"plant.boot_s": []}}, "grid.plant.boot_s has no values: give a list of one or more different values, or"),
        ({"grid": {"plant.boot_s": [10, 20, 10]}}, "grid.plant.boot_s has a value twice in [10, 20, 10]: give a list"),
        ({"grid": {"plant.boot_s": [10, "z"]}}, "mine.yaml, with plant.boot_s = 'z' of the grid: 1 setting is wrong"),
        ({"grid": {"plant.boots": [10]}}, "plant.boots = 10: unknown name; did you mean 'boot_s'?"),
        ({"grid": {"seeds": [1, 2]}}, "grid.seeds cannot vary: take it out of the grid"),
        ({"grid": {"name.first": [1]}}, "grid.name.first cannot vary"),
        ({"grid": {"objective.text": [1]}, "objective": "o"}, "objective.text: 'o' holds no settings, so 'text' cannot stand in it"),
        ({"grid": {"failures.1.at": [1]}, "failures": [{"at": 0}]}, "'1' is no place in a list of 1: give a number from 0"),
        ({"grid": {"plant.boot_s": list(range(5001))}, "seeds": 2}, "5001 grid points x 2 seeds x 1 repetitions are 10,002 runs"),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_the_remedy(overrides: dict[str, JsonValue], problem: str) -> None:
    with pytest.raises(LLMConfigurationError) as caught:
        ScenarioFile.parse(MINIMAL, "mine.yaml", overrides=overrides)

    assert caught.value.message.startswith("mine.yaml")
    assert problem in caught.value.message


def test_a_file_without_a_load_is_told_what_a_load_is_made_of() -> None:
    with pytest.raises(LLMConfigurationError, match="arrivals: it is missing: add it, a section with some of steady, ramp"):
        ScenarioFile.parse({"name": "unloaded"})


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(LLMConfigurationError, match="3 settings are wrong"):
        parsed(periods=0, seeds=0, plant={"max_servers": 0})


def test_unknown_family_is_told_the_known_ones() -> None:
    with pytest.raises(LLMConfigurationError, match="no family of that name; families: failure_recovery, high"):
        ScenarioFile.load("hihg_load")


def test_folder_of_a_familys_name_does_not_hide_the_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "normal").mkdir()
    monkeypatch.chdir(tmp_path)

    assert ScenarioFile.load("normal").name == "normal"


def test_file_that_is_not_there_is_named() -> None:
    with pytest.raises(LLMConfigurationError, match=r"cannot read the scenario file none\.yaml: No such file"):
        ScenarioFile.load("none.yaml")


def test_file_without_a_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LLMConfigurationError, match="holds a list, expected a mapping of names to values"):
        ScenarioFile.load(written(tmp_path, "- 1\n"))


@pytest.mark.parametrize("family", shipped())
def test_schema_takes_what_the_families_say(family: str) -> None:
    schema = scenario_schema()

    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(read_settings_file(FAMILIES_FOLDER / f"{family}.yaml"))) == []


@pytest.mark.parametrize("wrong", [{"periods": 0}, {"arrivals": {"steady": {"rate": [1]}}}, {"colour": "red"}, {"seeds": 0}])
def test_schema_refuses_what_the_loader_refuses(wrong: dict[str, Any]) -> None:
    assert list(Draft202012Validator(scenario_schema()).iter_errors({**MINIMAL, **wrong})) != []
    with pytest.raises(LLMConfigurationError):
        parsed(**wrong)
