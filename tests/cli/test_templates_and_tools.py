"""`polaris-llm templates` and `tools`: what models are told, before they are told."""

import json
from pathlib import Path

import pytest

from polaris_llm.core.prompt_manager import PromptManager
from support.command_line import run


def test_templates_are_listed_with_their_variables() -> None:
    rows = {name: variables for name, variables, _ in (line.split("\t") for line in run("templates", "list").stdout.splitlines())}

    assert rows.keys() == set(PromptManager().list_templates())
    assert rows["what_if"] == "system_id, action"


def test_a_template_is_shown_with_its_gaps_and_rendered_without() -> None:
    assert "{action}" in run("templates", "show", "what_if").stdout
    assert json.loads(run("templates", "show", "what_if", "--json").stdout)["variables"] == ["system_id", "action"]

    rendered = run("templates", "render", "what_if", "--var", "system_id=farm", "--var", "action=add a=b")

    assert rendered.exit_code == 0
    assert rendered.stdout.rstrip("\n") == PromptManager().render_template("what_if", system_id="farm", action="add a=b").rstrip("\n")


def test_variables_of_a_file_may_be_of_any_kind_and_those_of_the_command_line_win(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "templates: [{name: own, format: jinja, text: '{{ who }}:{% for n in counts %} {{ n }}{% endfor %}'}]\n"
    )
    values = tmp_path / "values.yaml"
    values.write_text("{who: nobody, counts: [1, 2]}\n")

    rendered = run("templates", "render", "own", "--directory", str(tmp_path), "--vars", str(values), "--var", "who=me", "--json")

    assert rendered.exit_code == 1
    assert "values.yaml" in rendered.stderr  # it is no file of templates, and lies among them
    values = values.rename(tmp_path / "values.json")
    rendered = run("templates", "render", "own", "--directory", str(tmp_path), "--vars", str(values), "--var", "who=me", "--json")
    assert json.loads(rendered.stdout) == {"template": "own", "prompt": "me: 1 2"}


def test_templates_of_the_settings_are_taken(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    (prompts / "own.yaml").write_text("templates: [{name: own, text: Hello}]\n")
    settings = tmp_path / "llm.yaml"
    settings.write_text(f"prompt_management: {{template_directory: {prompts}}}\n")

    assert run("templates", "show", "own", "--settings", str(settings)).stdout == "Hello\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("show", "nothing"), "unknown template 'nothing'; known: "),
        (("render", "what_if"), "template 'what_if' needs the variable"),
        (("render", "what_if", "--var", "action"), "--var 'action' is no NAME=TEXT"),
        (("render", "what_if", "--vars", "missing.yaml"), "cannot read the variables in missing.yaml"),
        (("list", "--directory", "missing"), "missing: this is no directory of template files"),
    ],
)
def test_what_is_wrong_with_templates_is_told(arguments: tuple[str, ...], problem: str) -> None:
    result = run("templates", *arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert problem in result.stderr


def test_the_tools_of_the_settings_are_listed() -> None:
    rows = [line.split("\t") for line in run("tools", "list").stdout.splitlines()]

    assert [(row[0], row[1]) for row in rows] == [("echo", "idempotent"), ("calculator", "pure")]


def test_tools_of_every_pool_are_listed_as_the_settings_want_them(tmp_path: Path) -> None:
    file = tmp_path / "llm.yaml"
    file.write_text(
        "tool_registry: {pools: {far: {tools: ['support.runtime_tools:add']}}}\ntools: {echo: {enabled: false}, add: {timeout_s: 3}}\n"
    )

    told = {tool["name"]: tool for tool in json.loads(run("tools", "list", "--settings", str(file), "--json").stdout)}

    assert {name: tool["pool"] for name, tool in told.items()} == {"calculator": "default", "add": "far"}
    assert told["add"]["timeout_s"] == 3


def test_the_pool_of_a_tool_is_told_that_says_what_it_needs() -> None:
    option = 'tool_registry.tools=["support.needy_tools:simulate", "support.tools_sample:add"]'

    told = {tool["name"]: tool["pool"] for tool in json.loads(run("tools", "list", "--set", option, "--json").stdout)}

    assert told == {"add": "default", "simulate": "needs-simulate"}


def test_tools_by_reference_are_listed_with_their_schema() -> None:
    result = run("tools", "list", "support.runtime_tools:add", "--json")

    (told,) = json.loads(result.stdout)
    assert (told["name"], told["where"], told["effect"]) == ("add", "support.runtime_tools:add", "pure")
    assert told["parameters"]["required"] == ["a", "b"]


def test_a_tool_that_cannot_be_loaded_is_an_error() -> None:
    result = run("tools", "list", "nowhere:tool")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "'nowhere' cannot be imported" in result.stderr
