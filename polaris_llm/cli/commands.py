"""What all commands have in common: what they end with, and that an error of the user's is one line and no traceback."""

import dataclasses
import errno
import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import click

from ..core.exceptions import LLMIntegrationError

FAILED = 1
"""Something could not be done, for the reason that stands on stderr; or a check found something wrong."""
NO_RUNTIME = 3
"""There is no such runtime, or it could not be reached."""
NO_RESULT = 4
"""An agent's run ended without an answer, or a scenario's run failed."""
INTERRUPTED = 130
"""Ctrl-C: what was started was ended first."""

EXIT_CODES = """\b
Exit codes:
  0    done
  1    it failed, for the reason that is printed; or a check found something wrong
  2    wrong usage
  3    no runtime could be reached
  4    an agent's run ended without an answer, or a scenario's run failed
  130  interrupted by Ctrl-C
"""


class NoRuntimeError(LLMIntegrationError):
    """There is no runtime to talk to."""

    code = "NO_RUNTIME"


class _NoRuntime(click.ClickException):
    exit_code = NO_RUNTIME


class Command(click.Command):
    """A command that ends as EXIT_CODES say."""

    def invoke(self, ctx: click.Context) -> Any:  # what the command returns, which nobody reads
        """Run it, with the package's own errors, and the machine's such as a full disk, as one line."""
        try:
            return super().invoke(ctx)
        except LLMIntegrationError as error:
            told = _NoRuntime if isinstance(error, NoRuntimeError) else click.ClickException
            raise told(f"{error.message} [{error.error_code}]") from None
        except OSError as error:
            if error.errno in (None, errno.EPIPE):  # a defect of ours; and a reader that has gone, of which click knows
                raise
            raise click.ClickException(str(error)) from None


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type

    def invoke(self, ctx: click.Context) -> Any:  # as above
        """Import the command and run it; click itself would call Ctrl-C a failure."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None


class LazyGroup(Group):
    """A group whose commands are imported when they are used: `places` maps each name to `module:attribute` of this package."""

    def __init__(self, *args: Any, places: Mapping[str, str], **options: Any) -> None:  # click's
        super().__init__(*args, **options)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which they were given."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, if there is one."""
        if cmd_name not in self._places:
            return None
        module, _, attribute = self._places[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(f".{module}", __package__), attribute)
        return command


def examples(*lines: str) -> str:
    """An epilogue that shows these command lines as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def taken_together(name: str, kind: type, *options: Callable[[Any], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Options that a command gets as one argument `name`: a dataclass whose fields are called like them."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:  # any command
        @functools.wraps(command)
        def wrapped(*args: Any, **given: Any) -> Any:
            values = {field.name: given.pop(field.name) for field in dataclasses.fields(kind)}
            return command(*args, **given, **{name: kind(**values)})

        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped

    return decorate


as_json_option = click.option("--json", "as_json", is_flag=True, help="JSON for programs, in place of text for people.")
