"""What commands print: results on stdout, all else on stderr; colours and frames in a terminal only."""

import json
import re
from collections.abc import Container, Sequence
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but new line and tab, those that turn the direction of writing, and halves of characters."""

Cell = str | Text
WIDE = 120
"""Columns of a terminal that shows every column of a table."""
GAP = 2
"""Between two columns: one of padding, one that the box puts there."""
MIN_LAST = 12


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


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, wide_only: Container[str] = ()) -> None:
    """A table that fits the terminal, without the columns `wide_only` if that is narrow; for programs one line per row, apart by tabs."""
    console = stdout()
    if not console.is_terminal:
        click.echo("".join("\t".join(str(cell) for cell in row) + "\n" for row in rows), nl=False)
        return
    shown = [place for place, column in enumerate(columns) if console.width >= WIDE or column.header not in wide_only]
    cells = [[_text(row[place]) for place in shown] for row in rows]
    chosen = [columns[place].copy() for place in shown]  # a table writes into its columns
    if chosen[-1].no_wrap:
        chosen[-1].width = _rest_of_line(console.width, chosen, cells)
    table = Table(*chosen, box=SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), show_edge=False, pad_edge=False)
    for row in cells:
        table.add_row(*row)
    console.print(table)


def _rest_of_line(width: int, columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> int:
    """What the last column may take when all others take what they need: rich itself would squeeze all that do not wrap."""
    needed = [max(cell_len(str(column.header)), *(row[place].cell_len for row in rows), 0) for place, column in enumerate(columns)]
    return max(MIN_LAST, min(needed[-1], width - sum(needed[:-1]) - GAP * (len(columns) - 1)))


def _text(cell: Cell) -> Text:
    return Text(cell) if isinstance(cell, str) else cell
