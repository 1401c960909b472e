"""Agentic conversations: both kinds of tool calls, what is recorded of them, and what comes of the run."""

import asyncio
import json
from typing import Any

import pytest

from polaris_llm.core.client import MockLLMClient
from polaris_llm.core.models import (
    AgenticConversation,
    LLMResponse,
    MessageRole,
)
from polaris_llm.core.tool_registry import ToolRegistry
from support.conversations import PATIENCE_S, ScriptedClient, a_config, a_manager, result_of, says

pytestmark = pytest.mark.anyio


def action(**fields: Any) -> LLMResponse:
    """A JSON action in the model's text."""
    return says(json.dumps(fields))


async def run(*script: Any, registry: ToolRegistry | None = None, **facts: Any) -> AgenticConversation:
    """A new conversation, run to its end."""
    manager = a_manager(ScriptedClient(*script), registry)
    conversation = manager.create_agentic_conversation("find out", **facts)
    async with asyncio.timeout(PATIENCE_S):
        return await manager.run_agentic_conversation(conversation.conversation_id)


def test_the_example_of_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    exec(README_EXAMPLE, {})

    assert capsys.readouterr().out == "Final result: {'echoed': 'Hello World'}\n"


README_EXAMPLE = """\
import asyncio
from polaris_llm import *

async def agentic_example():
    # Set up components
    client = MockLLMClient()
    tool_registry = ToolRegistry()
    tool_registry.register_tool(EchoTool())
    response_parser = ResponseParser()

    manager = ConversationManager(client, tool_registry, response_parser)

    # Create agentic conversation
    conv = manager.create_agentic_conversation(
        objective="Echo a message",
        available_tools=["echo"],
        max_iterations=5
    )

    # Set mock response to use tool
    client.set_mock_responses([
        '{"action": "use_tool", "tool_name": "echo", "parameters": {"message": "Hello World"}}',
        '{"action": "final_answer", "result": {"echoed": "Hello World"}, "confidence": 1.0}'
    ])

    # Run conversation
    result = await manager.run_agentic_conversation(
        conv.conversation_id,
        "Please echo 'Hello World'"
    )

    print(f"Final result: {result.final_result}")

asyncio.run(agentic_example())
"""


async def test_the_conversation_that_was_created_is_the_one_that_is_run() -> None:
    manager = a_manager(MockLLMClient())
    conversation = manager.create_agentic_conversation("find out", context={"system_id": "web"})
    assert conversation.context == {"system_id": "web", "objective": "find out", "available_tools": ["echo", "calculator"]}

    assert await manager.run_agentic_conversation(conversation.conversation_id) is conversation

    assert conversation.is_complete
    assert result_of(conversation) is not None
    assert manager.get_agentic_conversation(conversation.conversation_id) is conversation


async def test_the_model_is_told_objective_context_and_message() -> None:
    client = ScriptedClient()
    manager = a_manager(client)
    conversation = manager.create_agentic_conversation("find out", ["echo"], context={"system_id": "web"})

    await manager.run_agentic_conversation(conversation.conversation_id, "Begin.")

    (request,) = client.asked
    system, user = request.messages
    assert "find out" in system.content
    assert '{"system_id": "web"}' in system.content
    assert (user.role, user.content) == (MessageRole.USER, "Begin.")
    assert [tool["function"]["name"] for tool in request.tools or []] == ["echo"]
    assert (request.model_name, request.temperature, request.max_tokens) == ("m", 0.2, 77)


async def test_plain_text_ends_the_run() -> None:
    conversation = await run(says("It is 42."))

    assert (result_of(conversation), conversation.current_iteration) == ("It is 42.", 1)
    assert [message.role.value for message in conversation.messages] == ["system", "user", "assistant"]
    assert conversation.reasoning_trace == ["It is 42."]


async def test_an_answer_that_holds_some_other_action_is_an_answer() -> None:
    conversation = await run(says('{"action": "SET_DIMMER", "value": 0.5}'))

    assert result_of(conversation) == '{"action": "SET_DIMMER", "value": 0.5}'


async def test_our_action_is_found_beside_others() -> None:
    conversation = await run(says('Having seen {"action": "SET_DIMMER"}: {"action": "final_answer", "result": 1}'))

    assert result_of(conversation) == 1


async def test_an_action_that_is_broken_is_asked_for_again() -> None:
    client = ScriptedClient(says('{"action": "use_tool", "tool_name": "ech'), says('{"action": "final_answer", "result": 1}'))
    manager = a_manager(client)
    conversation = manager.create_agentic_conversation("find out")

    await manager.run_agentic_conversation(conversation.conversation_id)

    assert client.contents[1][-1].startswith("Your answer cannot be used: the action is not valid JSON")
    assert (result_of(conversation), conversation.current_iteration) == (1, 2)


async def test_a_client_without_function_calling_is_taught_the_json_protocol() -> None:
    client = ScriptedClient(action(action="final_answer", result=1), config=a_config(enable_function_calling=False))
    manager = a_manager(client)
    conversation = manager.create_agentic_conversation("find out", ["echo"])

    await manager.run_agentic_conversation(conversation.conversation_id)

    (request,) = client.asked
    assert request.tools is None
    assert '"action": "use_tool"' in request.messages[0].content
    assert "- echo:" in request.messages[0].content
    assert result_of(conversation) == 1
