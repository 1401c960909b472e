"""What the tests of child processes have in common: one call, and a short way to make it."""

from typing import Any

from polaris_llm.core.tool_children import ToolChildren
from polaris_llm.core.tool_registry import ToolCallContext

CALL = ToolCallContext(session_id="s", run_id="r", step=3, call_id="c", context={"system": "swim"})
DEADLINE_S = 30.0


def sample(name: str) -> str:
    """The reference of a sample tool."""
    return f"support.tools_sample:{name}"


async def run(pool: ToolChildren, name: str, timeout_s: float = DEADLINE_S, **arguments: Any) -> Any:
    """What a sample tool answers in a child of the pool."""
    return await pool.run(sample(name), arguments, CALL, timeout_s)
