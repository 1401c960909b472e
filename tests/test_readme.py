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
from polaris_llm.cli.commands import EXIT_CODES
from polaris_llm.core.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
TEXT = "\n".join(PAGES.values())
DOCUMENTS = "\n".join([TEXT, *((ROOT / name).read_text(encoding="utf-8") for name in ("CONTRIBUTING.md", "CHANGELOG.md"))])
EXAMPLE_LIMIT_S = 100
CODE = re.compile(r"```(?P<language>\w*)\n(?P<block>.*?)```|`(?P<inline>[^`\n]+)`", re.DOTALL)


def blocks(language: str) -> list[str]:
    """The blocks in a language of the README and of the pages in docs, in their order, each once."""
    return list(dict.fromkeys(code["block"] for code in CODE.finditer(TEXT) if code["language"] == language))


def commands(program: str) -> list[str]:
    """Every command line of a program that stands in a shell block or between backticks, without its comment."""
    found = [code for code in CODE.finditer(DOCUMENTS) if code["language"] == "sh" or code["inline"]]
    lines = [line for code in found for line in (code["block"] or code["inline"]).splitlines()]
    return sorted({line.partition(" #")[0].strip() for line in lines if line.startswith(f"{program} ")})


def printed_by(example: str) -> str:
    """What is said that an example prints: the block of text that follows it."""
    following = TEXT.partition(example)[2]
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
    context: click.Context | None = None
    found: click.Command = main
    arguments = shlex.split(command)[1:]
    while isinstance(found, click.Group) and arguments:
        context = click.Context(found, info_name=found.name, parent=context)
        _, inner, arguments = found.resolve_command(context, arguments)  # raises for an unknown command
        assert inner is not None
        found = inner

    if arguments:  # else only its name is told
        found.make_context(found.name, arguments, parent=context)  # raises for an unknown option, or a bad value


def test_the_exit_codes_that_the_help_tells_are_listed() -> None:
    listed = dict(re.findall(r"^\| (\d+) \| (.*) \|$", PAGES["docs/command-line.md"], re.MULTILINE))

    assert listed == dict(re.findall(r"^  (\d+) +(.*)$", EXIT_CODES, re.MULTILINE))


@pytest.mark.parametrize("command", commands("make"))
def test_a_make_target_of_the_documents_exists(command: str) -> None:
    target = shlex.split(command)[1]

    assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_a_link_between_pages_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", PAGES[page])
    targets = [((ROOT / page).parent / file if file else ROOT / page, anchor) for file, anchor in links]

    assert [target for target, _ in targets if not target.is_file()] == []
    assert [anchor for target, anchor in targets if anchor and anchor not in headings(target)] == []


def headings(page: Path) -> set[str]:
    """What a page's headings are linked by."""
    return {title.lower().replace(" ", "-") for title in re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)}


def test_files_that_the_documents_name_are_there() -> None:
    named = re.findall(r"`((?:actors|benchmarks|core|docs|polaris_llm|templates|tests)/[\w./]*|[\w.]+\.(?:md|toml|txt))`", DOCUMENTS)

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readme_lists_exactly_the_actors_of_a_runtime() -> None:
    settings = Settings.load({"tool_registry": {"max_workers": 3}})
    names = [spec.name for spec in (supervisor_spec(settings), *actor_specs(settings))]

    listed = re.findall(r"^\| `(\w+)[/`]", README, re.MULTILINE)

    assert sorted(listed) == sorted({name.split("/")[1] for name in names})


def test_the_documents_name_no_place_on_a_machine() -> None:
    assert re.findall(r"(?<![\w~/])/\w+/\S*", DOCUMENTS) == []
