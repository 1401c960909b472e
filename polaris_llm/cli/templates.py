"""`polaris-llm templates`: the prompts that there are, and what becomes of them."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import yaml
from rich.table import Column

from ..core.exceptions import LLMConfigurationError
from ..core.prompt_manager import PromptManager
from ..core.prompt_templates import PromptTemplate
from ..core.settings import Settings
from .commands import Group, as_json_option, examples
from .output import one_line, print_json, print_table, printable

COLUMNS = (Column("template", no_wrap=True), Column("variables", overflow="fold"), Column("description", overflow="fold"))

directory_option = click.option("--directory", metavar="DIR", help="YAML files whose templates win over the package's own.")
settings_option = click.option("--settings", metavar="FILE", help="A settings file whose template_directory is taken.")


@click.group(cls=Group, short_help="Prompt templates, and what becomes of them.")
def templates() -> None:
    """Look at prompt templates, and fill them in."""


@templates.command(
    "list",
    short_help="The templates that there are.",
    epilog=examples("polaris-llm templates list", "polaris-llm templates list --directory prompts"),
)
@directory_option
@settings_option
@as_json_option
def list_templates(directory: str | None, settings: str | None, as_json: bool) -> None:
    """List the templates: the package's own, and those of a directory."""
    prompts = _prompts(directory, settings)
    found = [prompts.get_template(name) for name in prompts.list_templates()]
    if as_json:
        print_json([_as_json(template) for template in found])
    else:
        print_table(COLUMNS, [(template.name, ", ".join(template.variables), one_line(template.description)) for template in found])


@templates.command(short_help="The text of one template.", epilog=examples("polaris-llm templates show system_reasoning"))
@click.argument("name")
@directory_option
@settings_option
@as_json_option
def show(name: str, directory: str | None, settings: str | None, as_json: bool) -> None:
    """Print the text of the template NAME, with its gaps."""
    template = _prompts(directory, settings).get_template(name)
    if as_json:
        print_json(_as_json(template))
    else:
        click.echo(printable(template.template))


@templates.command(
    short_help="The prompt that a template makes.",
    epilog=examples(
        "polaris-llm templates render what_if --var objective='Keep response time low'",
        "polaris-llm templates render web_farm --vars values.yaml > prompt.txt",
    ),
)
@click.argument("name")
@click.option("--var", "texts", metavar="NAME=TEXT", multiple=True, help="The text of one variable. Repeatable.")
@click.option("--vars", "file", metavar="FILE", help="A YAML or JSON file with variables of any kind; --var wins.")
@directory_option
@settings_option
@as_json_option
def render(name: str, texts: tuple[str, ...], file: str | None, **given: Any) -> None:  # the options
    """Print the prompt that the template NAME makes of variables."""
    values = {**(_read(file) if file else {}), **dict(map(_parsed, texts))}
    prompt = _prompts(given["directory"], given["settings"]).render_template(name, **values)
    if given["as_json"]:
        print_json({"template": name, "prompt": prompt})
    else:
        click.echo(prompt)


def _prompts(directory: str | None, settings: str | None) -> PromptManager:
    return PromptManager(directory or (Settings.load(settings).prompt_management.template_directory if settings else None))


def _as_json(template: PromptTemplate) -> dict[str, Any]:  # JSON
    return {**asdict(template), "hash": template.text_hash}


def _parsed(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise LLMConfigurationError(f"--var {text!r} is no NAME=TEXT: write it like --var objective='Keep it cheap'", config_key="--var")
    return name, value


def _read(file: str) -> dict[str, Any]:  # YAML
    try:
        values = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise LLMConfigurationError(f"cannot read the variables in {file}: {reason}; name a YAML file", config_key="--vars") from None
    if not isinstance(values, dict):
        raise LLMConfigurationError(f"{file} holds no mapping of variables: write NAME: VALUE, one a line", config_key="--vars")
    return values
