"""The tool calls of agentic conversations: both kinds, what is run of them, and what is recorded."""

import asyncio
import json
from typing import Any

import pytest

from polaris_llm.core.cache import LLMCache
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.conversation_ports import RegistryPort
from polaris_llm.core.models import (
    AgenticConversation,
    FunctionCall,
    LLMResponse,
    Message,
    MessageRole,
    ToolCall,
    ToolCallStatus,
    ToolResult,
)
from polaris_llm.core.tool_registry import EchoTool, ToolRegistry
from support.conversations import PATIENCE_S, FunctionalTool, ScriptedClient, a_config, a_manager, a_registry, echo, result_of, says

pytestmark = pytest.mark.anyio


def action(**fields: Any) -> LLMResponse:
    """A JSON action in the model's text."""
    return says(json.dumps(fields))


def statuses(conversation: AgenticConversation) -> dict[str, str]:
    """How the recorded calls ended, by id."""
    return {call.call_id: call.status.value for call in conversation.tool_calls}


async def run(*script: Any, registry: ToolRegistry | None = None, **facts: Any) -> AgenticConversation:
    """A new conversation, run to its end."""
    manager = a_manager(ScriptedClient(*script), registry)
    conversation = manager.create_agentic_conversation("find out", **facts)
    async with asyncio.timeout(PATIENCE_S):
        return await manager.run_agentic_conversation(conversation.conversation_id)


async def test_native_calls_of_a_step_run_in_parallel_and_have_one_result_message_each() -> None:
    together = asyncio.Barrier(2)

    async def meet() -> dict[str, int]:
        await together.wait()
        return {"met": 2}

    registry = a_registry(FunctionalTool("meet", meet))
    client = ScriptedClient(says("", FunctionCall("meet", {}, "a"), FunctionCall("meet", {}, "b")), says("done"))
    manager = a_manager(client, registry)
    conversation = manager.create_agentic_conversation("find out")

    async with asyncio.timeout(PATIENCE_S):
        await manager.run_agentic_conversation(conversation.conversation_id)

    answered = [(message.tool_call_id, message.content) for message in conversation.messages if message.role == MessageRole.TOOL]
    assert answered == [("a", '{"met": 2}'), ("b", '{"met": 2}')]
    assert [message.tool_call_id for message in client.asked[1].messages[-2:]] == ["a", "b"]


async def test_results_reach_the_model_as_json_and_not_as_python() -> None:
    async def look() -> dict[str, Any]:
        return {"ok": True, "fault": None, "zone": "é"}

    client = ScriptedClient(says("", FunctionCall("look", {}, "a")), action(action="use_tool", tool_name="look"), says("done"))
    manager = a_manager(client, a_registry(FunctionalTool("look", look)))
    conversation = manager.create_agentic_conversation("find out")

    await manager.run_agentic_conversation(conversation.conversation_id)

    native, by_action = client.asked[1].messages[-1].content, client.asked[2].messages[-1].content
    assert json.loads(native) == {"ok": True, "fault": None, "zone": "é"}
    assert json.loads(by_action)["tool_result"]["result"] == json.loads(native)


async def test_repeated_ids_are_told_apart_also_from_those_of_earlier_runs() -> None:
    client = ScriptedClient(says("", echo("x"), echo("y")), says("one"), says("", echo("z")), says("two"))
    manager = a_manager(client)
    conversation = manager.create_agentic_conversation("find out")

    for _ in range(2):
        await manager.run_agentic_conversation(conversation.conversation_id)

    assert [(call.call_id, call.parameters["message"]) for call in conversation.tool_calls] == [("a", "x"), ("a.2", "y"), ("a.3", "z")]
    assert statuses(conversation) == {"a": "success", "a.2": "success", "a.3": "success"}


async def test_ids_of_calls_that_somebody_wrote_into_the_history_are_not_used_again() -> None:
    manager = a_manager(ScriptedClient(says("", echo("x")), says("done")))
    conversation = manager.create_agentic_conversation("find out")
    conversation.messages += [
        Message(MessageRole.ASSISTANT, "", tool_calls=[ToolCall("echo", {"message": "w"}, "a")]),
        Message(MessageRole.TOOL, "w", tool_call_id="a"),
    ]

    await manager.run_agentic_conversation(conversation.conversation_id)

    assert statuses(conversation) == {"a.2": "success"}


async def test_json_actions_run_tools_and_are_recorded_as_native_calls_are() -> None:
    conversation = await run(
        action(action="use_tool", tool_name="calculator", parameters={"operation": "add", "a": 1, "b": 2}),
        says("", echo("three")),
        action(action="final_answer", result={"sum": 3}, confidence=0.9),
    )

    assert result_of(conversation) == {"sum": 3}
    assert [(call.tool_name, call.status) for call in conversation.tool_calls] == [
        ("calculator", ToolCallStatus.SUCCESS),
        ("echo", ToolCallStatus.SUCCESS),
    ]
    calculated = conversation.tool_calls[0]
    assert calculated.result is not None
    assert calculated.result["result"] == 3
    assert calculated.execution_time > 0
    assert calculated.completed_at is not None
    assert calculated.completed_at >= calculated.created_at


async def test_only_allowed_tools_are_run_by_either_kind_of_call() -> None:
    conversation = await run(
        says("", FunctionCall("calculator", {"operation": "add", "a": 1, "b": 2}, "a")),
        action(action="use_tool", tool_name="calculator", parameters={}),
        says("done"),
        available_tools=["echo"],
    )

    assert [call.status for call in conversation.tool_calls] == [ToolCallStatus.FAILED] * 2
    assert {call.error_message for call in conversation.tool_calls} == {"unknown tool 'calculator'; available: echo"}


async def test_no_tools_at_all_can_be_allowed() -> None:
    conversation = await run(says("", echo("x")), says("done"), available_tools=[])

    assert statuses(conversation) == {"a": "failed"}


async def test_failures_and_timeouts_are_recorded_as_such_and_told_to_the_model() -> None:
    async def explode() -> None:
        raise ZeroDivisionError("by zero")

    async def dawdle() -> None:
        await asyncio.Event().wait()

    registry = a_registry(FunctionalTool("explode", explode), FunctionalTool("dawdle", dawdle, timeout_s=0.01))
    conversation = await run(says("", FunctionCall("explode", {}, "a"), FunctionCall("dawdle", {}, "b")), says("done"), registry=registry)

    assert statuses(conversation) == {"a": "failed", "b": "timeout"}
    told = {message.tool_call_id: message.content for message in conversation.messages if message.tool_call_id}
    assert "by zero" in told["a"]
    assert "did not answer within 0.01 s" in told["b"]


async def test_calls_are_seen_while_they_run() -> None:
    seen: list[tuple[str, int]] = []

    async def look() -> str:
        seen.extend((call.status.value, conversation.current_iteration) for call in conversation.tool_calls)
        return "ok"

    manager = a_manager(ScriptedClient(says("", FunctionCall("look", {}, "a")), says("done")), a_registry(FunctionalTool("look", look)))
    conversation = manager.create_agentic_conversation("find out")

    await manager.run_agentic_conversation(conversation.conversation_id)

    assert seen == [("executing", 1)]
    assert statuses(conversation) == {"a": "success"}


async def test_a_call_that_needs_consent_waits_for_it() -> None:
    async def act() -> str:
        return "acted"

    async def approve() -> LLMResponse:
        asyncio.get_running_loop().call_soon(asyncio.ensure_future, decide())
        return says("", FunctionCall("act", {}, "a"))

    async def decide() -> None:
        while "a" not in statuses(conversation):
            await asyncio.sleep(0)
        before.update(statuses(conversation))
        manager.decide_tool_call(conversation.conversation_id, "a", approved=True)

    before: dict[str, str] = {}
    registry = a_registry(FunctionalTool("act", act, requires_approval=True))
    manager = a_manager(ScriptedClient(approve, says("done")), registry)
    conversation = manager.create_agentic_conversation("act")

    async with asyncio.timeout(PATIENCE_S):
        await manager.run_agentic_conversation(conversation.conversation_id)

    assert (before, statuses(conversation)) == ({"a": "pending"}, {"a": "success"})


async def test_results_of_pure_tools_come_from_the_cache() -> None:
    runs: list[str] = []

    def counted(name: str) -> Any:
        async def work() -> str:
            runs.append(name)
            return name

        return work

    registry = a_registry(FunctionalTool("pure", counted("pure"), "pure"), FunctionalTool("once", counted("once")))
    both = says("", FunctionCall("pure", {}, "a"), FunctionCall("once", {}, "b"))
    manager = a_manager(ScriptedClient(both, both, says("done"), config=a_config(temperature=0.9)), registry, cache=LLMCache())
    conversation = manager.create_agentic_conversation("find out")

    await manager.run_agentic_conversation(conversation.conversation_id)

    assert sorted(runs) == ["once", "once", "pure"]
    assert set(statuses(conversation).values()) == {"success"}


async def test_a_kept_result_answers_the_call_that_asks_for_it() -> None:
    async def work() -> int:
        return 1

    port = RegistryPort(a_registry(FunctionalTool("pure", work, "pure")), LLMCache())

    results = [await port.run_tool("pure", {}, CallContext(call_id=call_id), {}) for call_id in ("a", "b")]

    assert [(result.call_id, result.result) for result in results] == [("a", 1), ("b", 1)]
    assert port.results.keys() == {"a", "b"}


async def test_a_registry_whose_execute_tool_is_overridden_is_asked_by_it() -> None:
    class Recording(ToolRegistry):
        async def execute_tool(self, name: str, parameters: dict[str, Any], call_id: str | None = None) -> ToolResult:
            return ToolResult(call_id or "", name, True, {"mine": parameters})

    registry = Recording()
    registry.register_tool(EchoTool())
    conversation = await run(says("", echo("x")), says("done"), registry=registry)

    assert conversation.tool_calls[0].result == {"mine": {"message": "x"}}
