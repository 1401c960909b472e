"""What the documents say is true of the tree: examples run, settings load, and commands, files and actors exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from polaris_llm.actors.roster import actor_specs, supervisor_spec
from polaris_llm.cli import main
from polaris_llm.core.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))
EXAMPLE_LIMIT_S = 100
CODE = re.compile(r"```(?P<language>\w*)\n(?P<block>.*?)```|`(?P<inline>[^`\n]+)`", re.DOTALL)


def blocks(language: str) -> list[str]:
    """The README's blocks in a language, in their order."""
    return [code["block"] for code in CODE.finditer(README) if code["language"] == language]


def commands(program: str) -> list[str]:
    """Every command line of a program that stands in a shell block or between backticks, without its comment."""
    found = [code for code in CODE.finditer(DOCUMENTS) if code["language"] == "sh" or code["inline"]]
    lines = [line for code in found for line in (code["block"] or code["inline"]).splitlines()]
    return sorted({line.partition(" #")[0].strip() for line in lines if line.startswith(f"{program} ")})


def printed_by(example: str) -> str:
    """What the README says that an example prints: the block of text that follows it."""
    following = README.partition(example)[2]
    told = re.match(r"```\s+(?:It prints:\s+)?```text\n(.*?)```", following, re.DOTALL)
    return told[1] if told else ""


def test_the_readme_has_examples_settings_and_commands() -> None:
    assert all([blocks("python"), blocks("yaml"), commands("make"), commands("polaris-llm")])


@pytest.mark.parametrize("example", blocks("python"))
def test_an_example_runs_and_prints_what_the_readme_says(example: str, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(example, encoding="utf-8")

    outcome = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=EXAMPLE_LIMIT_S, check=False
    )

    assert (outcome.returncode, outcome.stderr, outcome.stdout) == (0, "", printed_by(example))


@pytest.mark.parametrize("content", blocks("yaml"))
def test_settings_of_the_readme_are_valid(content: str, tmp_path: Path) -> None:
    path = tmp_path / "llm.yaml"
    path.write_text(content, encoding="utf-8")

    assert Settings.load(path) != Settings()


@pytest.mark.parametrize("command", commands("polaris-llm"))
def test_a_command_of_the_documents_is_understood(command: str) -> None:
    context = click.Context(main, info_name="polaris-llm")

    _, subcommand, arguments = main.resolve_command(context, shlex.split(command)[1:])

    assert subcommand is not None
    subcommand.make_context(subcommand.name, arguments, parent=context)  # raises for an unknown option, or a bad value


@pytest.mark.parametrize("command", commands("make"))
def test_a_make_target_of_the_documents_exists(command: str) -> None:
    target = shlex.split(command)[1]

    assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_files_that_the_documents_name_are_there() -> None:
    named = re.findall(r"`((?:actors|benchmarks|core|polaris_llm|templates|tests)/[\w./]*|[\w.]+\.(?:md|toml|txt))`", DOCUMENTS)

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_lists_exactly_the_actors_of_a_runtime() -> None:
    settings = Settings.load({"tool_registry": {"max_workers": 3}})
    names = [spec.name for spec in (supervisor_spec(settings), *actor_specs(settings))]

    listed = re.findall(r"^\| `(\w+)[/`]", README, re.MULTILINE)

    assert sorted(listed) == sorted({name.split("/")[1] for name in names})


def test_the_documents_name_no_place_on_a_machine() -> None:
    assert re.findall(r"(?<![\w~/])/\w+/\S*", DOCUMENTS) == []
