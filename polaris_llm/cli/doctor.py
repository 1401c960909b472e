"""`polaris-llm doctor`: what is installed, what can be reached, what is wrong, and what to do about it."""

from dataclasses import asdict

import click
from rich.table import Column
from rich.text import Text

from .checks import Finding
from .checks_of_machine import checks_of_machine
from .checks_of_settings import checks_of_settings
from .commands import FAILED, Command, as_json_option, examples
from .output import note, one_line, print_json, print_table, stderr
from .runtime_choice import RuntimeChoice, runtime_options
from .settings_choice import SettingsChoice, settings_options
from .tool_choice import with_modules_of_this_folder

COLUMNS = (
    Column("check", no_wrap=True),
    Column("verdict", no_wrap=True),
    Column("what was found, and what to do", overflow="fold"),
)
STYLES = {"ok": "green", "warning": "yellow", "wrong": "bold red", "skipped": "dim"}


@click.command(
    cls=Command,
    short_help="Check this machine, settings, keys and models.",
    epilog=examples(
        "polaris-llm doctor", "polaris-llm doctor --settings llm.yaml", "polaris-llm doctor --settings llm.yaml --offline --json"
    ),
)
@settings_options
@runtime_options
@click.option("--timeout", type=click.FloatRange(1), default=30.0, show_default=True, help="Seconds for each answer from elsewhere.")
@click.option("--offline", is_flag=True, help="Ask no model.")
@as_json_option
@with_modules_of_this_folder
def doctor(choice: SettingsChoice, which: RuntimeChoice, timeout: float, offline: bool, as_json: bool) -> None:
    """Check this machine, a settings file, its keys, its models and a running runtime; exit code 1 if something is wrong.

    Every provider of the settings is asked for one very short answer. Keys are looked up, and never shown.
    """
    with stderr().status("Looking"):
        findings = [*checks_of_machine(which, timeout), *checks_of_settings(choice, None if offline else timeout)]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        print_table(COLUMNS, [_row(finding) for finding in findings])
    wrong = sum(finding.verdict == "wrong" for finding in findings)
    if wrong:
        note(f"{wrong} of {len(findings)} checks found something wrong.")
        raise click.exceptions.Exit(FAILED)


def _row(finding: Finding) -> tuple[str | Text, ...]:
    told = f"{finding.detail}; {finding.remedy}" if finding.remedy else finding.detail
    return finding.check, Text(finding.verdict, style=STYLES[finding.verdict]), one_line(told)
