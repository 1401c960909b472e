"""`polaris-llm tools`: what a model would be told of tools."""

from typing import Any

import click
from rich.table import Column

from ..core.tool_functions import load_tool
from ..core.tool_schema import ToolSchema
from .commands import Group, as_json_option, examples
from .output import one_line, print_json, print_table
from .settings_choice import SettingsChoice, settings_options
from .tool_choice import with_modules_of_this_folder

COLUMNS = (
    Column("tool", no_wrap=True),
    Column("effect", no_wrap=True),
    Column("arguments", overflow="fold"),
    Column("where", overflow="fold"),
    Column("description", overflow="fold"),
)


@click.group(cls=Group, short_help="Tools as models see them.")
def tools() -> None:
    """Look at tools as models see them."""


@tools.command(
    "list",
    short_help="Tools of the settings, or by reference.",
    epilog=examples(
        "polaris-llm tools list", "polaris-llm tools list my_tools:get_load --json", "polaris-llm tools list --settings llm.yaml"
    ),
)
@click.argument("references", metavar="[MODULE:NAME]...", nargs=-1)
@settings_options
@as_json_option
@with_modules_of_this_folder
def list_tools(references: tuple[str, ...], choice: SettingsChoice, as_json: bool) -> None:
    """List the tools of the settings, or those at MODULE:NAME.

    An argument with a question mark may be left out. The effect says whether a call may be made again: pure and idempotent ones may.
    """
    found = [(reference, _schema(reference)) for reference in references or choice.load().tool_registry.tools]
    if as_json:
        print_json([_as_json(reference, schema) for reference, schema in found])
    else:
        print_table(COLUMNS, [_row(reference, schema) for reference, schema in found])


def _schema(reference: str) -> ToolSchema:
    return load_tool(reference).get_schema()


def _as_json(reference: str, schema: ToolSchema) -> dict[str, Any]:  # JSON
    return {
        "name": schema.name,
        "where": reference,
        "description": schema.description,
        "effect": schema.effect,
        "requires_approval": schema.requires_approval,
        "timeout_s": schema.timeout_s,
        "parameters": schema.json_schema(),
    }


def _row(reference: str, schema: ToolSchema) -> tuple[str, ...]:
    arguments = ", ".join(f"{name}{'' if name in schema.required else '?'}: {_kind(kind)}" for name, kind in schema.parameters.items())
    effect = f"{schema.effect}, asks first" if schema.requires_approval else schema.effect
    return schema.name, effect, arguments or "-", reference, one_line(schema.description)


def _kind(schema: Any) -> str:  # a JSON schema
    return str(schema.get("type", "any")) if isinstance(schema, dict) else "any"
