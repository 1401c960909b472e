"""What a tool registry remembers of its calls: the last of them in short, and sums per tool."""

import json
from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from .models import ToolResult
from .tool_results import shortened

MAX_CALLS = 1000
MAX_SUMMARY_CHARACTERS = 200


@dataclass(slots=True, kw_only=True)
class ToolTally:
    """The sums of one tool."""

    total_calls: int = 0
    successful_calls: int = 0
    execution_time_s: float = 0.0
    last_used: datetime | None = None

    def add(self, result: ToolResult) -> None:
        """Count one more call."""
        self.total_calls += 1
        self.successful_calls += result.success
        self.execution_time_s += result.execution_time
        self.last_used = result.completed_at

    def as_statistics(self) -> dict[str, Any]:  # fixed by the contract
        """The sums by their names in the contract."""
        calls = self.total_calls or 1
        return {
            "total_calls": self.total_calls,
            "successful_calls": self.successful_calls,
            "failed_calls": self.total_calls - self.successful_calls,
            "success_rate": self.successful_calls / calls,
            "average_execution_time": self.execution_time_s / calls,
            "last_used": self.last_used,
        }


class ToolHistory:
    """The last calls, newest last, and the tallies of all."""

    def __init__(self) -> None:
        self._calls: deque[ToolResult] = deque(maxlen=MAX_CALLS)
        self._tallies: dict[str, ToolTally] = {}

    def add(self, result: ToolResult) -> None:
        """Remember a call; of a long result, only its beginning."""
        self._calls.append(replace(result, result=_summary(result.result)))
        if result.tool_name in self._tallies or len(self._tallies) < MAX_CALLS:  # models can make up names without end
            self._tallies.setdefault(result.tool_name, ToolTally()).add(result)

    def calls(self, tool_name: str | None = None, limit: int | None = None) -> list[ToolResult]:
        """The last `limit` calls, of one tool or of all."""
        calls = [call for call in self._calls if tool_name in (None, call.tool_name)]
        return calls if limit is None else calls[len(calls) - min(limit, len(calls)) :]

    def statistics(self, tool_names: list[str]) -> dict[str, dict[str, Any]]:  # fixed by the contract
        """The sums of these tools, and of every other name that was called."""
        tallies = {name: ToolTally() for name in tool_names} | self._tallies
        return {name: tally.as_statistics() for name, tally in tallies.items()}

    def clear(self) -> None:
        """Forget everything."""
        self._calls.clear()
        self._tallies.clear()


def _summary(result: JsonValue) -> JsonValue:
    text = json.dumps(result, ensure_ascii=False)
    return result if len(text) <= MAX_SUMMARY_CHARACTERS else shortened(text, MAX_SUMMARY_CHARACTERS)
