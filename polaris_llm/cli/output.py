"""What commands print: results on stdout, all else on stderr; colours and frames in a terminal only."""

import json
import re
from collections.abc import Sequence
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

_CONTROL = re.compile(r"[^\n\t\x20-\x7e\xa0-\U0010ffff]")

Cell = str | Text


def stdout() -> Console:
    """For results, in a terminal of any width."""
    return Console(highlight=False)


def stderr() -> Console:
    """For what goes on meanwhile."""
    return Console(stderr=True, highlight=False)


def note(message: str) -> None:
    """Tell people something that is no result."""
    click.echo(printable(message), err=True)


def print_json(value: Any) -> None:  # JSON
    """One JSON document."""
    click.echo(json.dumps(value, indent=2))


def print_json_line(value: Any) -> None:  # JSON
    """One line of a stream of JSON lines; it leaves at once."""
    click.echo(json.dumps(value))


def printable(text: str) -> str:
    """The text with what could steer a terminal spelled out."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """The text on one line, as a field of a table."""
    return " ".join(printable(text).split())


def print_table(columns: Sequence[str | Column], rows: Sequence[Sequence[Cell]]) -> None:
    """A table that fits the terminal, or, for programs, one line per row with its fields apart by tabs."""
    console = stdout()
    if not console.is_terminal:
        click.echo("".join("\t".join(str(cell) for cell in row) + "\n" for row in rows), nl=False)
        return
    table = Table(*columns, box=SIMPLE_HEAD, padding=(0, 1), show_edge=False, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    console.print(table)
