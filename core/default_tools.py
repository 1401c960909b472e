"""The two tools that every registry can start with."""

import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .exceptions import LLMToolError
from .tool_schema import ToolSchema
from .tools import BaseTool

OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
}


_ECHO = ToolSchema(
    "echo",
    "Says again what it is told",
    {"message": {"type": "string", "description": "The text to say again"}},
    ["message"],
    effect="idempotent",
)
_CALCULATOR = ToolSchema(
    "calculator",
    "Adds, subtracts, multiplies or divides two numbers",
    {
        "operation": {"type": "string", "enum": list(OPERATIONS), "description": "What to do with the two numbers"},
        "a": {"type": "number", "description": "The first number"},
        "b": {"type": "number", "description": "The second number"},
    },
    ["operation", "a", "b"],
    effect="pure",
)


def _now() -> datetime:
    return datetime.now(UTC)


class EchoTool(BaseTool):
    """Says again what it was told, and when."""

    def __init__(self, now: Callable[[], datetime] = _now) -> None:
        super().__init__()
        self._now = now

    def get_schema(self) -> ToolSchema:
        """One text."""
        return _ECHO

    async def execute(self, parameters: dict[str, Any]) -> dict[str, Any]:  # JSON
        """The message and the time."""
        return {"echoed_message": parameters["message"], "timestamp": self._now().isoformat()}


class CalculatorTool(BaseTool):
    """Adds, subtracts, multiplies or divides two numbers."""

    def get_schema(self) -> ToolSchema:
        """An operation and two numbers."""
        return _CALCULATOR

    async def execute(self, parameters: dict[str, Any]) -> dict[str, Any]:  # JSON
        """The result beside what it was made of."""
        operation, a, b = parameters["operation"], parameters["a"], parameters["b"]
        try:
            result = OPERATIONS[operation](a, b)
        except ZeroDivisionError as exc:
            raise LLMToolError(f"Division by zero: {a} / {b}; give another b", self.name) from exc
        return {"operation": operation, "operands": [a, b], "result": result}
