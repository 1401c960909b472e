"""`polaris-llm tools`: what a model would be told of tools."""

from typing import Any

import click
from rich.table import Column

from ..core.configured_tools import configured_tool, enabled_tools
from ..core.needed_pools import with_needed_pools
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
    settings = with_needed_pools(choice.load())
    listed = [reference for pool in settings.tool_registry.all_pools for reference in enabled_tools(settings, pool)]
    found = [(reference, configured_tool(settings, reference).get_schema()) for reference in references or listed]
    if as_json:
        pools = {reference: settings.tool_registry.pool_of(reference) for reference, _ in found}
        print_json([{**_as_json(reference, schema), "pool": pools[reference]} for reference, schema in found])
    else:
        print_table(COLUMNS, [_row(reference, schema) for reference, schema in found])


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
