"""Tools behind a cache: a result whose tool says how long it holds is kept for so long, and answers equal calls."""

import json
import logging
from collections.abc import Mapping

from pydantic import JsonValue

from .cache_key import stable_digest
from .cache_port import CachePort
from .call_context import CallContext
from .exceptions import LLMIntegrationError
from .models import ToolCallStatus, ToolResult
from .tool_registry import ToolRegistry
from .tools import BaseTool

logger = logging.getLogger(__name__)


class CachedTools:
    """Answers from a cache, else from `registry`; satisfies ToolPort. A failing cache is told in the log, and done without."""

    def __init__(self, registry: ToolRegistry, cache: CachePort) -> None:
        self._registry = registry
        self._cache = cache

    async def run_tool(
        self, name: str, arguments: Mapping[str, JsonValue], call: CallContext, context: Mapping[str, JsonValue]
    ) -> ToolResult:
        """See ToolPort; a kept result says `cached` in its metadata. Failures are not kept."""
        tool = self._registry.get_tool(name)
        ttl_s = tool.get_schema().kept_for_s if tool is not None else None
        if tool is None or not ttl_s:
            return await self._registry.run_tool(name, arguments, call, context)
        key = tool_key(name, call_facts(tool, arguments, context))
        kept = await self._kept(key)
        if kept is not None:
            return _second_hand(name, call, json.loads(kept))
        result = await self._registry.run_tool(name, arguments, call, context)
        if result.success:
            await self._keep(key, result, ttl_s)
        return result

    async def _kept(self, key: str) -> bytes | None:
        try:
            return await self._cache.get(key)
        except LLMIntegrationError as error:
            logger.warning("cache read failed, running the tool: %s", error)
            return None

    async def _keep(self, key: str, result: ToolResult, ttl_s: float) -> None:
        try:
            await self._cache.put(key, json.dumps(result.result).encode(), ttl_s)
        except LLMIntegrationError as error:
            logger.warning("cache write failed, the result is not kept: %s", error)


def call_facts(tool: BaseTool, arguments: Mapping[str, JsonValue], context: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """All that a tool's answer may hang on: the run's context too, where the tool can read that."""
    return {"arguments": dict(arguments), "context": dict(context)} if tool.reads_call else dict(arguments)


def tool_key(name: str, facts: JsonValue) -> str:
    """What a result is kept under."""
    return f"tool\n{name}\n{stable_digest(facts)}"


def _second_hand(name: str, call: CallContext, value: JsonValue) -> ToolResult:
    metadata = {"status": ToolCallStatus.SUCCESS.value, "cached": True}
    return ToolResult(call_id=call.call_id, tool_name=name, success=True, result=value, metadata=metadata)
