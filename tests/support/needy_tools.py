"""Tools that say what they need of a node, `support.needy_tools:NAME`."""

from typing import Any

from polaris_llm.core.tool_needs import ToolNeeds
from polaris_llm.core.tool_registry import BaseTool, ToolSchema, tool


@tool(effect="pure", num_cpus=4, labels={"size": "large"})
async def simulate(a: int) -> int:
    """Simulate at length."""
    return a


@tool(effect="pure", num_cpus=4, labels={"size": "large"})
async def forecast(a: int) -> int:
    """Forecast as heavily as `simulate` works."""
    return -a


@tool(effect="pure", labels={"zone": "a"})
async def probe() -> str:
    """Look at things in one zone."""
    return "seen"


@tool(effect="pure", num_cpus=-1, resources={"GPU": 1}, labels={"size": 3})  # type: ignore[dict-item]  # what a check must refuse
async def wrong() -> None:
    """Need what cannot be."""


class Licensed(BaseTool):
    """Needs a licence, as a class of its own."""

    @property
    def needs(self) -> ToolNeeds:
        """One licence for each call."""
        return {"resources": {"licence": 1}}

    def get_schema(self) -> ToolSchema:
        """No parameters."""
        return ToolSchema("licensed", "Works under a licence", {}, effect="pure")

    async def execute(self, parameters: dict[str, Any]) -> str:  # JSON
        """Its word."""
        return "licensed"
