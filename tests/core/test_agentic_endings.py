"""How agentic conversations end, and how they are run again."""

import asyncio
from typing import Any

import pytest

from polaris_llm.core.conversation_manager import ConversationManager
from polaris_llm.core.exceptions import LLMAPIError, LLMConfigurationError, LLMIntegrationError
from polaris_llm.core.flows import ConversationFlow
from polaris_llm.core.models import AgenticConversation, FunctionCall, Message, MessageRole
from polaris_llm.core.prompt_manager import PromptManager
from polaris_llm.core.runs import RunLimits
from support.conversations import PATIENCE_S, FunctionalTool, Gate, ScriptedClient, a_manager, a_registry, echo, result_of, says
from support.sessions import hang

pytestmark = pytest.mark.anyio


async def ended(*script: Any, **facts: Any) -> dict[str, Any]:
    """What stands in the place of a result after a run without one."""
    manager = a_manager(ScriptedClient(*script))
    conversation = manager.create_agentic_conversation("find out", **facts)
    async with asyncio.timeout(PATIENCE_S):
        await manager.run_agentic_conversation(conversation.conversation_id)
    outcome = manager.get_run_outcome(conversation.conversation_id)
    result: dict[str, Any] = result_of(conversation)
    assert outcome is not None
    assert (outcome.status, conversation.is_complete) == (result["status"], True)
    return result


async def test_the_iteration_limit_is_a_status_of_its_own() -> None:
    result = await ended(says("Not yet.", echo("x")), max_iterations=3)

    assert (result["status"], result["iterations"], result["error"]["code"]) == ("max_iterations", 3, "MAX_ITERATIONS")


async def test_the_last_iteration_may_still_answer() -> None:
    manager = a_manager(ScriptedClient(says("", echo("x")), says("just in time")))
    conversation = manager.create_agentic_conversation("find out", max_iterations=2)

    await manager.run_agentic_conversation(conversation.conversation_id)

    assert (result_of(conversation), conversation.current_iteration) == ("just in time", 2)


async def test_the_token_limit_is_a_status_of_its_own() -> None:
    result = await ended(says("", echo("x"), tokens=60), limits=RunLimits(max_tokens=100))

    assert (result["status"], result["error"]["code"]) == ("budget_exceeded", "TOKEN_BUDGET_EXCEEDED")


async def test_the_deadline_is_a_status_of_its_own() -> None:
    result = await ended(hang, limits=RunLimits(deadline_s=0.01))

    assert (result["status"], result["error"]["code"]) == ("deadline_exceeded", "RUN_DEADLINE_EXCEEDED")


async def test_an_error_keeps_its_type_code_and_context() -> None:
    result = await ended(says("", echo("x")), LLMAPIError("broken", status_code=503))

    assert (result["status"], result["iterations"]) == ("failed", 2)
    assert result["error"]["type"] == "LLMAPIError"
    assert result["error"]["code"] == "LLM_API_ERROR"
    assert result["error"]["context"] == {"status_code": 503}


async def test_a_final_answer_of_nothing_is_told_from_no_answer() -> None:
    result = await ended(says('{"action": "final_answer", "result": null}'))

    assert (result["status"], result["result"], result["error"]) == ("completed", None, None)


async def started(manager: ConversationManager, gate: Gate) -> tuple[AgenticConversation, asyncio.Task[AgenticConversation]]:
    """A conversation whose model is being waited for."""
    conversation = manager.create_agentic_conversation("find out")
    task = asyncio.create_task(manager.run_agentic_conversation(conversation.conversation_id))
    await asyncio.wait_for(gate.came.wait(), PATIENCE_S)
    return conversation, task


@pytest.mark.parametrize("way", ["cancel_agentic_conversation", "delete_conversation"])
async def test_a_cancelled_run_returns_with_that_status(way: str) -> None:
    gate = Gate()
    manager = a_manager(ScriptedClient(gate))
    conversation, task = await started(manager, gate)

    assert getattr(manager, way)(conversation.conversation_id)
    assert await asyncio.wait_for(task, PATIENCE_S) is conversation

    assert (result_of(conversation)["status"], conversation.is_complete) == ("cancelled", True)
    assert not manager.cancel_agentic_conversation(conversation.conversation_id)


async def test_cancelling_the_callers_task_stops_model_and_tools_and_closes_what_is_open() -> None:
    stopped = asyncio.Event()
    gate = Gate()

    async def work() -> None:
        gate.came.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    manager = a_manager(ScriptedClient(says("", FunctionCall("work", {}, "a"))), a_registry(FunctionalTool("work", work)))
    conversation, task = await started(manager, gate)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(stopped.wait(), PATIENCE_S)

    outcome = manager.get_run_outcome(conversation.conversation_id)
    assert outcome is not None
    assert outcome.status == "cancelled"
    assert [(call.status, call.error_message) for call in conversation.tool_calls] == [("failed", "no result: the run ended as cancelled")]
    assert conversation.messages[-1].tool_call_id == "a"


async def test_unknown_conversations_and_those_with_nothing_to_do_are_errors() -> None:
    manager = a_manager()
    manager.add_agentic_conversation(AgenticConversation("empty"))

    with pytest.raises(LLMIntegrationError, match="unknown conversation 'nobody'"):
        await manager.run_agentic_conversation("nobody")
    with pytest.raises(LLMConfigurationError, match="'empty' has nothing to do: pass an initial_message"):
        await manager.run_agentic_conversation("empty")


async def test_a_finished_conversation_is_run_again_with_its_history() -> None:
    client = ScriptedClient(says("", echo("x")), says("one"), says("two"))
    manager = a_manager(client)
    conversation = manager.create_agentic_conversation("find out", max_iterations=2)
    await manager.run_agentic_conversation(conversation.conversation_id)

    await manager.run_agentic_conversation(conversation.conversation_id, "And now?")

    assert (result_of(conversation), conversation.current_iteration, len(conversation.tool_calls)) == ("two", 1, 1)
    assert client.contents[-1][-2:] == ["one", "And now?"]
    assert [message.content for message in conversation.messages[-3:]] == ["one", "And now?", "two"]


async def test_what_is_changed_from_outside_holds_for_the_next_run() -> None:
    client = ScriptedClient()
    manager = a_manager(client)
    conversation = manager.create_agentic_conversation("find out")
    conversation.messages[:] = [Message(MessageRole.SYSTEM, "Be brief."), Message(MessageRole.USER, "What is up?")]
    conversation.context["available_tools"] = ["calculator"]

    await manager.run_agentic_conversation(conversation.conversation_id)

    (request,) = client.asked
    assert [message.content for message in request.messages] == ["Be brief.", "What is up?"]
    assert [tool["function"]["name"] for tool in request.tools or []] == ["calculator"]
    assert [message.content for message in conversation.messages] == ["Be brief.", "What is up?", "done"]


async def test_runs_of_one_conversation_wait_for_each_other() -> None:
    gate = Gate()
    client = ScriptedClient(gate, says("second"))
    manager = a_manager(client)
    conversation, first = await started(manager, gate)
    second = asyncio.create_task(manager.run_agentic_conversation(conversation.conversation_id, "Again."))
    await asyncio.sleep(0)

    asked_meanwhile = len(client.asked)
    gate.opened.set()
    await asyncio.wait_for(asyncio.gather(first, second), PATIENCE_S)

    assert asked_meanwhile == 1
    assert client.contents[-1] == ["find out", "at last", "Again."]


def test_one_event_loop_after_another_may_run_the_same_conversation() -> None:
    manager = a_manager()
    conversation = manager.create_agentic_conversation("find out")

    for _ in range(2):
        asyncio.run(asyncio.wait_for(manager.run_agentic_conversation(conversation.conversation_id), PATIENCE_S))

    assert [message.content for message in conversation.messages[1:]] == ["find out", "done"] * 2


async def test_whole_earlier_runs_go_when_there_is_too_much_to_send() -> None:
    client = ScriptedClient()
    manager = a_manager(client)
    conversation = manager.create_agentic_conversation("find out")
    for number in range(60):
        conversation.messages += [Message(MessageRole.USER, f"question {number}"), Message(MessageRole.ASSISTANT, "answer")]

    await manager.run_agentic_conversation(conversation.conversation_id, "And now?")

    sent = client.asked[0].messages
    assert (len(sent), sent[0].role, sent[1].content, sent[-1].content) == (100, MessageRole.SYSTEM, "question 11", "And now?")
    assert len(conversation.messages) == 123


async def test_a_flow_is_run_with_its_prompts_tools_and_criteria() -> None:
    prompts = PromptManager()
    prompts.register_flow(
        ConversationFlow(
            "look",
            "Look",
            "Looks at a system.",
            initial_prompt="Look at {system_id}.",
            system_prompt="You look.",
            available_tools=["echo"],
            max_iterations=4,
            completion_criteria={"required": ["cause"]},
        )
    )
    script = (says("", echo("x")), says('{"guess": 1}'), says('It is {"cause": "load"}.'))
    client = ScriptedClient(*script)
    manager = a_manager(client)
    conversation = manager.add_agentic_conversation(prompts.start_agentic_conversation("look", {"system_id": "web"}))

    await manager.run_agentic_conversation(conversation.conversation_id)

    first, _, third = client.asked
    assert [message.content for message in first.messages] == ["You look.", "Look at web."]
    assert [tool["function"]["name"] for tool in first.tools or []] == ["echo"]
    assert "'cause' is a required property" in third.messages[-1].content
    assert (result_of(conversation), conversation.current_iteration) == ({"cause": "load"}, 3)
    assert first.options["response_schema"] == {"type": "object", "required": ["cause"]}


@pytest.mark.parametrize("flow_id", ["diagnose", "recommend", "what_if"])
async def test_the_built_in_flows_have_criteria_that_can_be_met(flow_id: str) -> None:
    prompts = PromptManager()
    criteria = prompts.get_flow(flow_id).completion_criteria
    facts = {"system_id": "web", "symptom": "slow", "goal": "fast", "action": "ADD_SERVER", "horizon": "1 h"}
    conversation = prompts.start_agentic_conversation(flow_id, facts)
    answer = "{" + ", ".join(f'"{name}": 1' for name in criteria["required"]) + "}"
    manager = a_manager(ScriptedClient(says(answer)))
    manager.add_agentic_conversation(conversation)

    await manager.run_agentic_conversation(conversation.conversation_id)

    assert result_of(conversation).keys() == set(criteria["required"])


async def test_criteria_that_mean_nothing_are_refused() -> None:
    manager = a_manager()
    conversation = manager.create_agentic_conversation("x", context={"completion_criteria": {"min_confidence": 0.7}})

    with pytest.raises(LLMConfigurationError, match="min_confidence; give keywords such as required"):
        await manager.run_agentic_conversation(conversation.conversation_id)
