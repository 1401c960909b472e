"""A small world for conversations: a client of POLARIS's kind that plays answers, tools that can be held up, and a manager."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from polaris_llm.core.client import LLMClient
from polaris_llm.core.conversation_manager import ConversationManager
from polaris_llm.core.models import AgenticConversation, FunctionCall, LLMConfiguration, LLMProvider, LLMRequest, LLMResponse
from polaris_llm.core.response_parser import ResponseParser
from polaris_llm.core.tool_registry import BaseTool, ToolRegistry, create_default_registry
from polaris_llm.core.tool_schema import Effect, ToolSchema

PATIENCE_S = 5.0
"""Seconds after which a test gives up waiting."""


def a_config(**changes: Any) -> LLMConfiguration:
    """A configuration of a mock's kind."""
    endpoint = {"provider": LLMProvider.MOCK, "api_endpoint": "http://localhost:8000", "model_name": "m"}
    return LLMConfiguration.model_validate({**endpoint, "temperature": 0.2, "max_tokens": 77, **changes})


def says(text: str = "", *called: FunctionCall, tokens: int = 10, **changes: Any) -> LLMResponse:
    """An answer, with native tool calls if any are given."""
    usage = {"prompt_tokens": tokens - 1, "completion_tokens": 1, "total_tokens": tokens}
    return LLMResponse(text, "m", usage, list(called), **{"finish_reason": "tool_calls" if called else "stop"} | changes)


def echo(text: str, call_id: str = "a") -> FunctionCall:
    """A call of the echo tool."""
    return FunctionCall("echo", {"message": text}, call_id)


Line = LLMResponse | BaseException | Callable[[], Awaitable[LLMResponse]]


class ScriptedClient(LLMClient):
    """Implements the contract's `generate_response` only; the last line of the script is repeated."""

    def __init__(self, *script: Line, config: LLMConfiguration | None = None) -> None:
        super().__init__(config or a_config())
        self.script: Sequence[Line] = script or (says("done"),)
        self.asked: list[LLMRequest] = []

    async def generate_response(self, request: LLMRequest) -> LLMResponse:
        """The script's next line."""
        self.asked.append(request)
        line = self.script[min(len(self.asked), len(self.script)) - 1]
        if isinstance(line, BaseException):
            raise line
        return line if isinstance(line, LLMResponse) else await line()

    @property
    def contents(self) -> list[list[str]]:
        """What every request said, but for system prompts."""
        return [[message.content for message in request.messages if message.role != "system"] for request in self.asked]


class Gate:
    """Holds whoever passes until it is opened, and tells when somebody came."""

    def __init__(self) -> None:
        self.came, self.opened = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> LLMResponse:
        """An answer, once the gate is open."""
        self.came.set()
        await self.opened.wait()
        return says("at last")


class FunctionalTool(BaseTool):
    """A tool of no parameters made of an async function."""

    def __init__(self, name: str, work: Callable[[], Awaitable[Any]], effect: Effect = "once", **facts: Any) -> None:
        super().__init__(name)
        self._schema = ToolSchema(name, "A test's tool", {}, effect=effect, **facts)
        self._work = work

    def get_schema(self) -> ToolSchema:
        """No parameters."""
        return self._schema

    async def execute(self, parameters: dict[str, Any]) -> Any:
        """The function's answer."""
        return await self._work()


def a_registry(*tools: BaseTool) -> ToolRegistry:
    """Echo, calculator and these."""
    registry = create_default_registry()
    for tool in tools:
        registry.register_tool(tool)
    return registry


def result_of(conversation: AgenticConversation) -> Any:
    """What came of its last run: any JSON."""
    return conversation.final_result


def a_manager(client: LLMClient | None = None, registry: ToolRegistry | None = None, **options: Any) -> ConversationManager:
    """A manager of these."""
    return ConversationManager(client or ScriptedClient(), registry or a_registry(), ResponseParser(), **options)
