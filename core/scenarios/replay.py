"""Recorded arrival rates, from a CSV file."""

import csv
import itertools
import math
from pathlib import Path

from ..exceptions import LLMConfigurationError
from .scenario_sections import ReplaySection

MAX_ROWS = 1_000_000


def read_rates(section: ReplaySection) -> tuple[float, ...]:
    """The scaled rates, requests per second; raises LLMConfigurationError that names the row which is wrong."""
    try:
        with Path(section.file).open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if section.column not in (rows.fieldnames or ()):
                known = ", ".join(rows.fieldnames or ()) or "none"
                raise _error(section, f"has no column {section.column!r}; its columns: {known}. Name one in arrivals.replay.column")
            texts = ((rows.line_num, row[section.column]) for row in itertools.islice(rows, MAX_ROWS))
            rates = tuple(section.scale * _rate(section, line, text) for line, text in texts)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _error(section, f"cannot be read: {error}; name a CSV file with a heading, in UTF-8") from None
    if not rates:
        raise _error(section, "has no row below its heading: give one rate per row")
    return rates


def _rate(section: ReplaySection, line: int, text: str | None) -> float:
    try:
        rate = float(text or "")
    except ValueError:
        rate = math.nan
    if not (math.isfinite(rate) and rate >= 0):
        raise _error(section, f"line {line}: {text!r} is no rate: expected requests per second, 0 or more")
    return rate


def _error(section: ReplaySection, problem: str) -> LLMConfigurationError:
    return LLMConfigurationError(f"{section.file}: {problem}", config_key="arrivals.replay.file", config_value=section.file)
