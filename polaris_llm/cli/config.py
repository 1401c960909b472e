"""`polaris-llm config`: what a settings file does, told to people and to programs."""

import itertools
from typing import Any

import click
import yaml
from rich.box import SIMPLE
from rich.table import Column, Table
from rich.text import Text

from ..core.exceptions import LLMIntegrationError
from ..core.settings import LoadedSettings, Settings
from ..core.settings_errors import masked
from .commands import FAILED, Group, as_json_option, examples
from .output import print_json, stdout


@click.group(cls=Group, short_help="What a settings file does.")
def config() -> None:
    """Look at a settings file: ours, or POLARIS's own."""


profile_option = click.option("--profile", metavar="NAME", help="Which of the file's profiles.  [default: what POLARIS_ENVIRONMENT says]")


@config.command(
    short_help="What becomes of each setting of a file.",
    epilog=examples("polaris-llm config check llm.yaml", "polaris-llm config check polaris.yaml --profile production --json"),
)
@click.argument("file")
@profile_option
@as_json_option
def check(file: str, profile: str | None, as_json: bool) -> None:
    """Tell what becomes of every setting that FILE gives; exit code 1 if it does not load."""
    try:
        loaded = Settings.load_with_notes(file, profile)
    except LLMIntegrationError as error:
        if not as_json:
            raise
        print_json({"loads": False, "source": file, "error": error.message})
        raise click.exceptions.Exit(FAILED) from None
    if as_json:
        print_json(_report(loaded))
    else:
        _show_notes(loaded)


@config.command(
    short_help="The settings that a file results in.",
    epilog=examples("polaris-llm config show llm.yaml > complete.yaml", "polaris-llm config show llm.yaml --json"),
)
@click.argument("file")
@profile_option
@as_json_option
def show(file: str, profile: str | None, as_json: bool) -> None:
    """Print the settings that FILE results in, defaults included, as YAML; secrets are not shown."""
    content = masked(Settings.load_with_notes(file, profile).settings.model_dump(mode="json"))
    if as_json:
        print_json(content)
        return
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    click.echo(text.replace("${", "$${"), nl=False)  # no variable: it can be loaded again


def _report(loaded: LoadedSettings) -> dict[str, Any]:  # JSON
    notes = [{"path": note.path, "value": note.value, "effect": note.effect, "used": note.is_used} for note in loaded.notes]
    return {"loads": True, "source": loaded.source, "settings": notes}


def _show_notes(loaded: LoadedSettings) -> None:
    """A table for people, or one line per setting for programs, its three parts apart by tabs."""
    console = stdout()
    if console.is_terminal:
        console.print(_notes_table(loaded))
    else:
        click.echo("".join(f"{note.path}\t{note.value}\t{note.effect}\n" for note in loaded.notes), nl=False)
    used = sum(note.is_used for note in loaded.notes)
    click.echo(f"{loaded.source}: {used} settings are used, {len(loaded.notes) - used} are not", err=not console.is_terminal)


def _notes_table(loaded: LoadedSettings) -> Table:
    table = Table(Column("setting", overflow="fold"), Column("effect", overflow="fold"), box=SIMPLE)
    for section, notes in itertools.groupby(loaded.notes, lambda note: note.path.partition(".")[0]):
        table.add_row(Text(section, style="bold"))
        for note in notes:
            name = note.path.partition(".")[2] or note.path
            table.add_row(Text(f"  {name} = {note.value}"), Text(note.effect, style="" if note.is_used else "yellow"))
    return table
