"""Rows with named columns, as programs and people take them away: records, CSV, a pandas DataFrame."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from ..exceptions import LLMConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTable:
    """Rows of plain values under the same columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[JsonValue, ...], ...]

    @classmethod
    def of(cls, records: Iterable[Mapping[str, JsonValue]], columns: Iterable[str] = ()) -> "RowTable":
        """The table of some records: the columns given, then others in the order of their first appearance; what a record lacks is None."""
        kept = list(records)
        names = tuple(dict.fromkeys((*columns, *(name for record in kept for name in record))))
        return cls(columns=names, rows=tuple(tuple(record.get(name) for name in names) for record in kept))

    def __len__(self) -> int:
        return len(self.rows)

    def records(self) -> list[dict[str, JsonValue]]:
        """One mapping per row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def to_csv(self, path: str | Path | None = None) -> str:
        """The rows as CSV with a heading, written to a file where one is named; None is an empty field."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(["" if value is None else value for value in row] for row in self.rows)
        if path is not None:
            Path(path).write_text(text.getvalue(), encoding="utf-8")
        return text.getvalue()

    def to_dataframe(self) -> Any:  # a pandas.DataFrame: pandas is an extra
        """The rows as a pandas DataFrame; raises LLMConfigurationError where pandas is not installed."""
        try:
            import pandas  # noqa: PLC0415  # an extra
        except ImportError:
            message = "to_dataframe() needs pandas, which is not installed: pip install 'polaris-llm[dataframe]', or use to_csv()"
            raise LLMConfigurationError(message, config_key="dataframe") from None
        return pandas.DataFrame.from_records(list(self.rows), columns=list(self.columns))
