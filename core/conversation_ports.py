"""The driver's world when a conversation runs in this process: the client and the registry as they are, and the contract's cache."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import JsonValue

from .cache import LLMCache
from .cached_client import WHOLE_ANSWERS, CacheRules
from .cached_tools import call_facts
from .call_context import CallContext
from .events import Event
from .exceptions import LLMTimeoutError
from .flat import flat_request, flat_response, typed_response
from .inference import ModelRequest, ModelResponse
from .llm_client import FlatPort, LLMClient
from .models import LLMConfiguration, LLMProvider, ToolResult
from .parts import ModelMessage
from .tool_registry import BaseTool, ToolRegistry

MAX_TEMPERATURE = CacheRules().max_temperature


class ClientPort:
    """A client behind the contract's cache, if there is one and it is not to spare mocks; satisfies ModelPort."""

    def __init__(
        self, client: LLMClient, cache: LLMCache | None, *, spares_mocks: bool = False, max_temperature: float = MAX_TEMPERATURE
    ) -> None:
        """`max_temperature` as in CacheRules."""
        self._client = FlatPort(client)
        self._cache = cache = None if spares_mocks and _is_played(client) else cache
        self._rules = CacheRules(default_ttl_s=0.0 if cache is None else _ttl_s(client, cache), max_temperature=max_temperature)

    async def respond(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """The kept answer, else the client's; raises whatever the client raises."""
        request = replace(request, messages=one_result_each(request.messages))
        ttl_s = self._rules.ttl_s(request)
        if self._cache is None or ttl_s <= 0:
            return await self._client.respond(request, call)
        flat = flat_request(request)
        kept = None if request.cache.mode == "refresh" else self._cache.get_llm_response(flat)
        if kept is not None:
            return replace(typed_response(kept), cached=True, attempts=0, latency_s=0.0)
        response = await self._client.respond(request, call)
        if response.finish_reason in WHOLE_ANSWERS:
            self._cache.cache_llm_response(flat, flat_response(response), ttl_s)
        return response

    async def respond_in_time(self, request: ModelRequest, call: CallContext) -> ModelResponse:
        """As `respond`; raises LLMTimeoutError after the call's seconds."""
        seconds = call.remaining_s
        try:
            async with asyncio.timeout(seconds) as limit:
                return await self.respond(request, call)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise LLMTimeoutError(f"the model gave no answer within {seconds:g} s", timeout_seconds=seconds) from error


class RegistryPort:
    """A registry behind the contract's cache, if there is one; satisfies ToolPort.

    A result is kept as long as its tool says; where it does not say, that of a pure tool as long as the cache keeps things, if
    `keeps_pure`.
    """

    def __init__(self, registry: ToolRegistry, cache: LLMCache | None, *, keeps_pure: bool = True) -> None:
        self._registry = registry
        self._keeps_pure = keeps_pure
        self._cache = cache
        self.results: dict[str, ToolResult] = {}
        """What the tools answered, by call id."""

    async def run_tool(
        self, name: str, arguments: Mapping[str, JsonValue], call: CallContext, context: Mapping[str, JsonValue]
    ) -> ToolResult:
        """What the tool answered."""
        tool = self._registry.get_tool(name)
        ttl_s = self._ttl_s(tool)
        if self._cache is None or tool is None or ttl_s <= 0:
            result = await self._run(name, arguments, call, context)
        elif (kept := self._cache.get_tool_result(name, facts := call_facts(tool, arguments, context))) is not None:
            result = replace(kept, call_id=call.call_id, execution_time=0.0)
        else:
            result = await self._run(name, arguments, call, context)
            self._cache.cache_tool_result(name, facts, result, ttl_s)
        self.results[call.call_id] = result
        return result

    def _ttl_s(self, tool: BaseTool | None) -> float:
        if self._cache is None or tool is None:
            return 0.0
        schema = tool.get_schema()
        unsaid_s = self._cache.default_ttl if self._keeps_pure and schema.effect == "pure" else 0.0
        return unsaid_s if schema.kept_for_s is None else schema.kept_for_s

    async def _run(self, name: str, arguments: Mapping[str, JsonValue], call: CallContext, context: Mapping[str, JsonValue]) -> ToolResult:
        execute = self._registry.execute_tool
        if getattr(execute, "__func__", None) is not ToolRegistry.execute_tool:  # overridden, or replaced: then it counts
            return await execute(name, dict(arguments), call.call_id)
        return await self._registry.run_tool(name, arguments, call, context)


class NoJournal:
    """Keeps nothing; satisfies JournalPort."""

    async def append(self, session_id: str, expected_seq: int, events: Sequence[Event]) -> None:
        """Nothing."""

    async def read(self, session_id: str, after: int = 0) -> tuple[Event, ...]:
        """No events."""
        return ()


def one_result_each(messages: Sequence[ModelMessage]) -> tuple[ModelMessage, ...]:
    """The same messages with one for each tool result: a flat message has room for one."""
    return tuple(single for message in messages for single in _split(message))


def _split(message: ModelMessage) -> tuple[ModelMessage, ...]:
    return tuple(replace(message, parts=(part,)) for part in message.parts) if message.role == "tool" else (message,)


def configuration(client: LLMClient) -> LLMConfiguration | None:
    """The client's configuration, if it has one, which a fake may not."""
    config = getattr(client, "config", None)
    return config if isinstance(config, LLMConfiguration) else None


def _is_played(client: LLMClient) -> bool:
    """Whether the answers follow a script and not from the request, as a mock's do, or a fake's without a configuration."""
    config = configuration(client)
    return config is None or config.provider is LLMProvider.MOCK


def _ttl_s(client: LLMClient, cache: LLMCache) -> float:
    config = configuration(client)
    return config.cache_ttl if config and "cache_ttl" in config.model_fields_set else cache.default_ttl
