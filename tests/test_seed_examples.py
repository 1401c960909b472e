"""The examples of the founding document run as they stand there: only the import path differs, and the surroundings are given."""

import ast
from collections.abc import AsyncIterator
from typing import Any

import pytest

from polaris_llm import ConversationManager, LLMProvider, LLMRequest, LLMResponse, Message, MessageRole, MockLLMClient, ResponseParser
from polaris_llm.core.tool_schema import ToolSchema
from support.conversations import FunctionalTool, a_registry
from support.openai_server import OpenAIServer

anyio = pytest.mark.anyio

ANSWER = """The load is high.
```json
{"analysis": "overload", "recommendations": [{"action_type": "ADD_SERVER", "confidence": 0.9}]}
```"""

CONFIGURATION = """
from polaris_llm import LLMConfiguration, LLMProvider

config = LLMConfiguration(
    provider=LLMProvider.OPENAI, api_endpoint="https://api.openai.com/v1", api_key="your-api-key", model_name="gpt-4",
    max_tokens=2000, temperature=0.1, timeout=60.0, max_retries=3, cache_ttl=300
)
"""

CLIENT = """
from polaris_llm import LLMConfiguration, OpenAIClient

config = LLMConfiguration(
    provider=LLMProvider.OPENAI, api_endpoint="https://api.openai.com/v1", api_key="your-api-key", model_name="gpt-4"
)

async with OpenAIClient(config) as client:
    response = await client.generate_response(request)
"""

PROMPTS = """
from polaris_llm import PromptManager

prompt_manager = PromptManager()
rendered = prompt_manager.render_template(
    "system_reasoning", system_id="web-server-01", current_metrics={"cpu": 85},
    health_status="warning", available_actions=["scale_up", "restart"]
)
"""

PARSER = """
from polaris_llm import ResponseParser

parser = ResponseParser()
parsed = parser.parse_reasoning_response(llm_response)
if parsed["validation_passed"]:
    recommendations = parsed["parsed_json"]["recommendations"]
"""

TOOLS = """
from polaris_llm import ToolRegistry, BaseTool

class CustomTool(BaseTool):
    def get_schema(self):
        return ToolSchema(name="custom", description="Custom tool", parameters={})

    async def execute(self, parameters):
        return {"result": "success"}

registry = ToolRegistry()
registry.register_tool(CustomTool())
result = await registry.execute_tool("custom", {})
"""

CONVERSATIONS = """
from polaris_llm import ConversationManager

manager = ConversationManager(llm_client, tool_registry, response_parser)

conv = manager.create_agentic_conversation(
    objective="Analyze system performance", available_tools=["get_metrics", "analyze_trends"], max_iterations=10
)

result = await manager.run_agentic_conversation(conv.conversation_id)
"""

CACHE = """
from polaris_llm import LLMCache

cache = LLMCache(max_size=1000, default_ttl=300)

cached_response = cache.get_llm_response(request)
if cached_response is None:
    response = await llm_client.generate_response(request)
    cache.cache_llm_response(request, response)
"""

BASIC = """
import asyncio
from polaris_llm import *

async def basic_example():
    config = LLMConfiguration(
        provider=LLMProvider.MOCK, api_endpoint="http://localhost:8000", model_name="mock-model"
    )

    async with MockLLMClient(config) as client:
        request = LLMRequest(
            messages=[Message(role=MessageRole.USER, content="Hello!")], model_name="mock-model"
        )

        response = await client.generate_response(request)
        print(f"Response: {response.content}")

asyncio.run(basic_example())
"""

AGENTIC = """
async def agentic_example():
    client = MockLLMClient()
    tool_registry = ToolRegistry()
    tool_registry.register_tool(EchoTool())
    response_parser = ResponseParser()

    manager = ConversationManager(client, tool_registry, response_parser)

    conv = manager.create_agentic_conversation(
        objective="Echo a message", available_tools=["echo"], max_iterations=5
    )

    client.set_mock_responses([
        '{"action": "use_tool", "tool_name": "echo", "parameters": {"message": "Hello World"}}',
        '{"action": "final_answer", "result": {"echoed": "Hello World"}, "confidence": 1.0}'
    ])

    result = await manager.run_agentic_conversation(conv.conversation_id, "Please echo 'Hello World'")

    print(f"Final result: {result.final_result}")

asyncio.run(agentic_example())
"""


async def run(example: str, **surroundings: Any) -> dict[str, Any]:
    """All names after the example was run among its surroundings; `await` may stand at its top level."""
    code = compile(example, "<example>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    pending = eval(code, surroundings)
    if pending is not None:
        await pending
    return surroundings


def a_request() -> LLMRequest:
    """One question."""
    return LLMRequest([Message(MessageRole.USER, "How is the system?")], "gpt-4")


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    """What stands in for the provider."""
    async with OpenAIServer() as server:
        yield server


@anyio
async def test_the_configuration_example() -> None:
    names = await run(CONFIGURATION)

    config = names["config"]
    assert (config.provider, config.max_tokens, config.timeout) == (LLMProvider.OPENAI, 2000, 60.0)
    assert "your-api-key" not in repr(config)


@anyio
async def test_the_client_example(server: OpenAIServer) -> None:
    example = CLIENT.replace("https://api.openai.com/v1", server.url)

    names = await run(example, request=a_request(), LLMProvider=LLMProvider)

    assert names["response"].content == "Hello."
    assert server.seen[0].line.startswith("POST /v1/chat/completions ")
    assert server.seen[0].headers["authorization"] == "Bearer your-api-key"


@anyio
async def test_the_prompt_example() -> None:
    names = await run(PROMPTS)

    shown = ("web-server-01", "cpu", "85", "warning", "scale_up", "restart")
    assert [value for value in shown if value not in names["rendered"]] == []


@anyio
async def test_the_parser_example() -> None:
    names = await run(PARSER, llm_response=LLMResponse(ANSWER, "gpt-4", {"total_tokens": 9}))

    assert names["recommendations"] == [{"action_type": "ADD_SERVER", "confidence": 0.9}]


@anyio
async def test_the_tool_example() -> None:
    names = await run(TOOLS, ToolSchema=ToolSchema)

    assert (names["result"].success, names["result"].result) == (True, {"result": "success"})
    assert names["registry"].list_tools() == ["custom"]


@anyio
async def test_the_conversation_example() -> None:
    async def metrics() -> dict[str, int]:
        return {"cpu": 85}

    async def trends() -> str:
        return "rising"

    client = MockLLMClient()
    client.set_mock_responses(
        [
            '{"action": "use_tool", "tool_name": "get_metrics", "parameters": {}}',
            '{"action": "use_tool", "tool_name": "analyze_trends", "parameters": {}}',
            '{"action": "final_answer", "result": {"load": "high"}}',
        ]
    )
    registry = a_registry(FunctionalTool("get_metrics", metrics), FunctionalTool("analyze_trends", trends))

    names = await run(CONVERSATIONS, llm_client=client, tool_registry=registry, response_parser=ResponseParser())

    assert isinstance(names["manager"], ConversationManager)
    assert names["result"] is names["conv"]
    assert [call.tool_name for call in names["result"].tool_calls] == ["get_metrics", "analyze_trends"]
    assert names["result"].final_result == {"load": "high"}


@anyio
async def test_the_cache_example() -> None:
    names = await run(CACHE, llm_client=MockLLMClient(), request=a_request())

    kept = names["cache"].get_llm_response(a_request())
    assert names["cached_response"] is None
    assert kept is not None
    assert kept.content == names["response"].content


def test_the_two_usage_examples_run_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    exec(BASIC + AGENTIC, {})

    first, second = capsys.readouterr().out.splitlines()
    assert first.removeprefix("Response: ") in MockLLMClient().mock_responses
    assert second == "Final result: {'echoed': 'Hello World'}"
