"""What is typed at the terminal, or piped in; bytes that are no UTF-8 are read as far as they can be."""

import io
import sys
from collections.abc import Iterator
from typing import TextIO

import click

from .output import note

PROMPT = "> "


def stdin() -> TextIO:
    """Where text comes from; to be called before any of it is read."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    return sys.stdin


def messages(quit_word: str) -> Iterator[str]:
    """What is said, one message a line, until there is no more or `quit_word` is said."""
    source = stdin()
    is_interactive = source.isatty()
    while True:
        try:
            text = _typed() if is_interactive else _piped(source)
        except EOFError:
            if is_interactive:
                note("")
            return
        if text == quit_word:
            return
        if text:
            yield text


def _typed() -> str:
    if sys.stdout.isatty():
        return input(PROMPT).strip()
    click.echo(PROMPT, nl=False, err=True)  # stdout is for answers
    return input().strip()


def _piped(source: TextIO) -> str:
    line = source.readline()
    if not line:
        raise EOFError
    return line.strip()
