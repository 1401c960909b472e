"""A process that runs one tool in a child of its own, for tests that kill it: `python -m support.tools_pool_process TOOL PID_FILE`."""

import asyncio
import sys

from polaris_llm.core.tool_children import ToolChildren
from polaris_llm.core.tool_registry import ToolCallContext


async def main(reference: str, pid_file: str) -> None:
    """Run the tool until this process is killed."""
    await ToolChildren(max_children=1).run(reference, {"pid_file": pid_file}, ToolCallContext())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
