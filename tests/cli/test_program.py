"""The program as a whole: its help, its exit codes, and what it does not import or print."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from polaris_llm.cli import main
from polaris_llm.cli.commands import EXIT_CODES
from support.command_line import ESCAPE, run

SILENT = {"polaris-llm"}


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all commands that do something."""
    if not isinstance(command, click.Group):
        yield path
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from commands(inner, (*path, name))


COMMANDS = list(commands(main))


def test_the_help_names_every_command_and_says_what_the_exit_codes_mean() -> None:
    told = run("--help").stdout

    assert all(f"  {path[0]} " in told for path in COMMANDS)
    assert all(line in told for line in EXIT_CODES.splitlines() if line.startswith("  "))
    assert max(map(len, told.splitlines())) <= 100


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_shows_examples_and_speaks_json(path: tuple[str, ...]) -> None:
    told = run(*path, "--help")

    assert told.exit_code == 0
    assert f"polaris-llm {' '.join(path)}" in told.stdout.partition("Examples:")[2]
    assert "--json" in told.stdout


@pytest.mark.parametrize("arguments", [("--help",), ("config", "check", "{file}"), ("templates", "list"), ("ask", "--help")], ids=" ".join)
def test_what_needs_no_ray_does_not_import_it(arguments: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "llm.yaml"
    file.write_text("llm: {model: m}\n")
    program = "import sys; sys.modules['ray'] = None; from polaris_llm.cli import main; main()"

    outcome = subprocess.run(
        [sys.executable, "-c", program, *(argument.format(file=file) for argument in arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (outcome.returncode, outcome.stderr.count("Error")) == (0, 0)


def test_looking_at_settings_and_templates_imports_no_actors() -> None:
    program = (
        "import sys; from polaris_llm.cli import config, templates; print([name for name in sys.modules if 'polaris_llm.actors' in name])"
    )

    outcome = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert outcome.stdout == "[]\n"


def test_a_full_disk_is_told_without_a_traceback() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "polaris_llm", "templates", "list"]
        outcome = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)

    assert (outcome.returncode, outcome.stderr) == (1, "Error: [Errno 28] No space left on device\n")


def test_a_reader_that_has_gone_is_no_failure_to_talk_of() -> None:
    command = f"{sys.executable} -m polaris_llm run --schema | head -0"
    outcome = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)

    assert (outcome.stdout, outcome.stderr) == ("", "")


def test_wrong_usage_is_exit_code_2() -> None:
    assert [run(*arguments).exit_code for arguments in (("nothing",), ("ask",), ("ask", "x", "--nothing"))] == [2, 2, 2]


@pytest.mark.parametrize("arguments", [("status",), ("stop",), ("sessions", "list"), ("ask", "x", "--connect")], ids=" ".join)
def test_where_no_runtime_is_served_the_exit_code_is_3_and_the_remedy_is_told(arguments: tuple[str, ...], tmp_path: Path) -> None:
    result = run(*arguments, XDG_STATE_HOME=str(tmp_path))

    assert (result.exit_code, result.stdout) == (3, "")
    assert "start one with `polaris-llm start --background`" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [("tools", "list"), ("templates", "list"), ("ask", "x"), ("demo", "--engine", "inline", "--seeds", "1", "--periods", "1")],
    ids=" ".join,
)
def test_what_is_piped_is_not_coloured(arguments: tuple[str, ...]) -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "polaris_llm", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "TERM": "xterm-256color"},
    )

    assert (outcome.returncode, bool(outcome.stdout), ESCAPE in outcome.stdout + outcome.stderr) == (0, True, False)
