"""`polaris-llm config`: what a settings file does, told to people and to programs."""

import json
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from polaris_llm.cli import main
from polaris_llm.core.settings import Settings
from support.polaris_files import POLARIS_FILE, write_file

KEY = "sk-live-0123456789abcdef"


@pytest.fixture
def polaris_file(tmp_path: Path) -> str:
    return write_file(tmp_path, POLARIS_FILE)


def run(*arguments: str, **environ: str) -> Result:
    """What the command line makes of its arguments."""
    return CliRunner(env={"POLARIS_ENVIRONMENT": None, **environ}).invoke(main, arguments)


def test_check_tells_what_becomes_of_each_setting(polaris_file: str) -> None:
    result = run("config", "check", polaris_file, "--profile", "bench")

    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert ["llm.model_name", "bench-model", "used as llm.model"] in rows
    assert ["llm.api_endpoint", "http://localhost:9000", "not used: the mock asks no server"] in rows
    assert result.stderr == f"{polaris_file}, profile bench: 4 settings are used, {len(rows) - 4} are not\n"


def test_check_for_people_is_a_table_with_a_heading_per_section(polaris_file: str) -> None:
    result = run("config", "check", polaris_file, "--profile", "bench", FORCE_COLOR="1", COLUMNS="80")

    lines = click.unstyle(result.stdout).splitlines()
    assert result.exit_code == 0
    assert max(map(len, lines[:-1])) <= 80  # the last one names the file
    assert "  observability" in map(str.rstrip, lines)
    assert any("provider = mock" in line and "used as llm.kind" in line for line in lines)


def test_check_reads_the_profile_that_the_environment_names(polaris_file: str) -> None:
    assert run("config", "check", polaris_file, POLARIS_ENVIRONMENT="bench").exit_code == 0


def test_check_as_json_says_the_same(polaris_file: str) -> None:
    result = run("config", "check", polaris_file, "--profile", "trial", "--json")

    report = json.loads(result.stdout)
    assert (result.exit_code, report["loads"], len(report["settings"])) == (0, True, 39)
    assert report["settings"][0] == {"path": "llm.provider", "value": "openai", "effect": "used as llm.kind", "used": True}


@pytest.mark.parametrize("command", ["check", "show"])
@pytest.mark.parametrize(
    ("profile", "problem"),
    [
        ((), "which profile?"),
        (("--profile", "none"), "no profile 'none'; its profiles: trial"),
        (("--profile", "elsewhere"), "supported: openai, "),
    ],
)
def test_a_file_that_does_not_load_is_an_error_without_a_traceback(
    polaris_file: str, command: str, profile: tuple[str, ...], problem: str
) -> None:
    result = run("config", command, polaris_file, *profile)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert problem in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_check_as_json_says_why_a_file_does_not_load(tmp_path: Path) -> None:
    result = run("config", "check", str(tmp_path / "none.yaml"), "--json")

    report = json.loads(result.stdout)
    assert (result.exit_code, report["loads"]) == (1, False)
    assert "cannot read the settings file" in report["error"]


def test_what_is_shown_loads_to_the_same_settings(polaris_file: str, tmp_path: Path) -> None:
    result = run("config", "show", polaris_file, "--profile", "trial")

    shown = write_file(tmp_path, result.stdout)
    assert result.exit_code == 0
    assert Settings.load(shown) == Settings.load(write_file(tmp_path, POLARIS_FILE), "trial")


def test_a_value_that_looks_like_a_variable_is_shown_so_that_it_loads_again(tmp_path: Path) -> None:
    path = write_file(tmp_path, "llm: {model: '$${NAME}', extras: {stop: null}}\n")
    settings = Settings.load(path)

    shown = run("config", "show", path).stdout

    assert Settings.load(write_file(tmp_path, shown)) == settings


def test_show_hides_what_may_be_a_secret(tmp_path: Path) -> None:
    extras = {"service_token": KEY, "headers": {"X-Key": KEY}, "max_tokens_per_day": 5, "note": f"Bearer {KEY}"}
    path = write_file(tmp_path, yaml.safe_dump({"llm": {"kind": "openai", "model": "m", "api_key": "env:NAME", "extras": extras}}))

    for command in ("show", "check"):
        result = run("config", command, path)

        assert (result.exit_code, KEY in result.output) == (0, False)
        assert "env:NAME" in result.stdout
    assert "max_tokens_per_day: 5" in run("config", "show", path).stdout


def test_a_wrong_file_does_not_show_its_key(tmp_path: Path) -> None:
    result = run("config", "check", write_file(tmp_path, f"llm: {{api_key: {KEY}}}\n"))

    assert (result.exit_code, KEY in result.output) == (1, False)


def test_square_brackets_and_control_signs_of_a_value_are_no_markup(tmp_path: Path) -> None:
    path = write_file(tmp_path, 'llm: {model: "[red]m[/]", extras: {stop: "a\\tb\\e[2J"}}\n')

    result = run("config", "check", path)

    assert result.stdout.splitlines() == ["llm.model\t[red]m[/]\tused", 'llm.extras.stop\t"a\\tb\\u001b[2J"\tused']
