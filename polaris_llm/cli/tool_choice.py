"""Options that say which tools an agent may use."""

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from ..core.tool_functions import load_tool
from ..core.tools import BaseTool
from .commands import taken_together


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoice:
    """Tools by their names or references."""

    tools: tuple[str, ...]
    live_tools: tuple[str, ...]

    def load(self) -> list[str | BaseTool]:
        """What `submit` takes: references as they are, live tools as objects of this process."""
        return [*self.tools, *(load_tool(reference) for reference in self.live_tools)]


tool_options = taken_together(
    "allowed",
    ToolChoice,
    click.option(
        "--tool",
        "tools",
        metavar="NAME",
        multiple=True,
        help="A tool the model may use: module:name, or a tool of the settings. Repeatable.",
    ),
    click.option(
        "--live-tool", "live_tools", metavar="MODULE:NAME", multiple=True, help="A tool that runs in this very process. Repeatable."
    ),
)


def with_modules_of_this_folder(command: Callable[..., Any]) -> Callable[..., Any]:  # any command
    """The command, which imports modules of the working directory too, as `python -m` does; so do the processes that it starts."""

    @functools.wraps(command)
    def wrapped(*args: Any, **given: Any) -> Any:
        before = list(sys.path)
        sys.path.insert(0, os.getcwd())
        try:
            return command(*args, **given)
        finally:
            sys.path[:] = before

    return wrapped
