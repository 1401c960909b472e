"""`polaris-llm status`: where a runtime is, and what its actors say of themselves."""

import time
from dataclasses import asdict
from typing import Any

import click
from rich.table import Column

from .commands import Command, as_json_option, examples
from .output import note, print_json, print_table
from .runtime_choice import RuntimeChoice, runtime_options

COLUMNS = (
    Column("actor", no_wrap=True),
    Column("pid", justify="right"),
    Column("replaced", justify="right"),
    Column("facts", overflow="fold"),
)

HIDDEN = ("name", "pid", "replaced")
"""Facts that stand in columns of their own."""


@click.command(
    cls=Command,
    short_help="Where a runtime is, and how its actors are.",
    epilog=examples("polaris-llm status", "polaris-llm status --address 10.0.0.5:6379 --json", "polaris-llm status || polaris-llm start"),
)
@runtime_options
@as_json_option
def status(which: RuntimeChoice, as_json: bool) -> None:
    """Tell where a runtime is and how its actors are; exit code 3 if there is none."""
    local = which.local
    with which.connected() as runtime:
        health, address = runtime.health(), runtime.address
        providers = {name: f"{provider.kind} {provider.model}" for name, provider in runtime.settings.all_providers.items()}
    if as_json:
        place = asdict(local) if local else {"name": which.name, "address": address}
        print_json({**place, "providers": providers, **health})
        return
    where = f"process {local.pid}, up {_duration(time.time() - local.started_at)}" if local else "kept by its cluster"
    note(f"Runtime {which.name} at {address}: {where}")
    if local and local.log:
        note(f"Its log is {local.log}")
    note(f"Providers: {', '.join(f'{name} ({what})' for name, what in providers.items())}")
    print_table(COLUMNS, [_row(name, facts, health["replaced"]) for name, facts in health["actors"].items()])


def _row(name: str, facts: dict[str, Any], replaced: dict[str, int]) -> tuple[str, ...]:  # JSON
    told = ", ".join(f"{key} {value}" for key, value in facts.items() if key not in HIDDEN)
    return name, str(facts.get("pid", "-")), str(replaced.get(name, 0)), told


def _duration(duration_s: float) -> str:
    minutes, left = divmod(int(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s"
