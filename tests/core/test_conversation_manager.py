"""Plain conversations: what is sent, what is kept, and what happens when the model does not answer."""

import asyncio
from unittest.mock import AsyncMock

import pytest

from polaris_llm.core.cache import LLMCache
from polaris_llm.core.client import MockLLMClient
from polaris_llm.core.conversation_manager import ConversationManager
from polaris_llm.core.exceptions import LLMAPIError, LLMIntegrationError, LLMRateLimitError, LLMResponseParsingError, LLMTimeoutError
from polaris_llm.core.models import MessageRole
from polaris_llm.core.response_parser import ResponseParser
from polaris_llm.core.runs import RunLimits
from polaris_llm.core.tool_registry import ToolRegistry
from polaris_llm.core.usage import USAGE, Usage
from support.conversations import PATIENCE_S, Gate, ScriptedClient, a_config, a_manager, echo, says
from support.sessions import hang

pytestmark = pytest.mark.anyio


async def test_the_conversation_that_was_created_grows_by_question_and_answer() -> None:
    manager = ConversationManager(MockLLMClient(), ToolRegistry(), ResponseParser())
    conversation = manager.create_conversation()

    answer = await manager.send_message(conversation.conversation_id, "Hello")

    assert conversation.messages[0].content == "Hello"
    assert conversation.messages[1] is answer
    assert (answer.role, len(conversation.messages)) == (MessageRole.ASSISTANT, 2)


async def test_a_message_without_answer_is_only_kept() -> None:
    client = ScriptedClient()
    manager = a_manager(client)
    conversation = manager.create_conversation()

    answer = await manager.send_message(conversation.conversation_id, "noted", generate_response=False)

    assert (answer, len(conversation.messages), client.asked) == (None, 1, [])


async def test_an_unknown_conversation_is_an_error_that_is_raised() -> None:
    with pytest.raises(LLMIntegrationError, match="unknown conversation 'nobody'"):
        await a_manager().send_message("nobody", "hi")


async def test_an_id_that_is_taken_is_refused() -> None:
    manager = a_manager()
    manager.create_conversation("c")

    with pytest.raises(LLMIntegrationError, match="'c' is there already"):
        manager.create_conversation("c")


async def test_the_request_has_the_clients_settings_and_is_not_changed_by_later_messages() -> None:
    client = ScriptedClient()
    manager = a_manager(client)
    manager.create_conversation("c", system_message="Be brief.")

    for text in ("one", "two"):
        await manager.send_message("c", text)

    first, second = client.asked
    assert [message.content for message in first.messages] == ["Be brief.", "one"]
    assert [message.content for message in second.messages] == ["Be brief.", "one", "done", "two"]
    assert (first.model_name, first.temperature, first.max_tokens, first.tools) == ("m", 0.2, 77, None)


async def test_only_whole_turns_that_fit_are_sent_and_the_system_prompt_always() -> None:
    client = ScriptedClient()
    manager = a_manager(client)
    manager.create_conversation("c", max_messages=4, system_message="Be brief.")

    for text in ("one", "two", "three"):
        await manager.send_message("c", text)

    assert [message.content for message in client.asked[-1].messages] == ["Be brief.", "two", "done", "three"]


async def test_a_provider_error_is_told_and_is_never_sent() -> None:
    client = ScriptedClient(LLMRateLimitError("slow down", retry_after=3.0), says("fine"))
    manager = a_manager(client)
    conversation = manager.create_conversation("c")

    told = await manager.send_message("c", "one")
    answer = await manager.send_message("c", "two")

    assert told is conversation.messages[1]
    assert told.role == MessageRole.ASSISTANT
    assert told.metadata["error"] is True
    assert told.metadata["error_message"] == "slow down"
    assert told.metadata["error_context"] == {"retry_after": 3.0}
    assert answer is not None
    assert answer.content == "fine"
    assert client.contents[1] == ["one", "two"]


async def test_what_useless_answers_took_is_told_with_the_error() -> None:
    useless = LLMResponseParsingError("useless", context={USAGE: Usage(input_tokens=30, output_tokens=12).as_json()})
    manager = a_manager(ScriptedClient(useless, LLMAPIError("broken")))
    manager.create_conversation("c")

    told, broken = [await manager.send_message("c", text) for text in ("one", "two")]

    assert told is not None
    assert broken is not None
    assert (told.metadata["total_tokens"], "total_tokens" in broken.metadata) == (42, False)


@pytest.mark.parametrize("error", [LLMAPIError("broken"), RuntimeError("a defect")])
async def test_an_error_is_raised_when_asked_for_and_then_nothing_was_said(error: Exception) -> None:
    manager = a_manager(ScriptedClient(error))
    conversation = manager.create_conversation("c")

    with pytest.raises(type(error)) as caught:
        await manager.send_message("c", "one", raise_errors=True)

    assert caught.value is error
    assert conversation.messages == []


async def test_a_model_that_does_not_answer_in_time_is_an_error() -> None:
    manager = a_manager(ScriptedClient(hang), limits=RunLimits(deadline_s=0.01))
    manager.create_conversation("c")

    with pytest.raises(LLMTimeoutError, match=r"within 0\.01 s"):
        await manager.send_message("c", "one", raise_errors=True)


async def test_turns_of_one_conversation_wait_for_each_other_and_others_do_not() -> None:
    gate = Gate()
    client = ScriptedClient(gate, says("second"))
    manager = a_manager(client)
    conversation = manager.create_conversation("c")
    manager.create_conversation("other")

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(manager.send_message("c", "one"))
        await gate.came.wait()
        group.create_task(manager.send_message("c", "two"))
        assert (other := await manager.send_message("other", "hi")) is not None
        assert other.content == "second"
        assert len(client.asked) == 2
        gate.opened.set()

    assert [message.content for message in conversation.messages] == ["one", "at last", "two", "second"]


async def test_a_cancelled_turn_leaves_nothing_and_the_next_one_runs() -> None:
    gate = Gate()
    manager = a_manager(ScriptedClient(gate, says("fine")))
    conversation = manager.create_conversation("c")
    turn = asyncio.create_task(manager.send_message("c", "one"))
    async with asyncio.timeout(PATIENCE_S):
        await gate.came.wait()

        turn.cancel()
        await asyncio.wait({turn})
        await manager.send_message("c", "two")

    assert turn.cancelled()
    assert [message.content for message in conversation.messages] == ["two", "fine"]


async def test_clients_that_are_replaced_or_patched_on_the_instance_count() -> None:
    manager = a_manager(MockLLMClient())
    manager.create_conversation("c")
    manager.llm_client.generate_response = AsyncMock(return_value=says("patched"))  # type: ignore[method-assign]  # as POLARIS's tests do

    first = await manager.send_message("c", "one")
    manager.llm_client = ScriptedClient(says("replaced"))
    second = await manager.send_message("c", "two")

    assert first is not None
    assert second is not None
    assert (first.content, second.content) == ("patched", "replaced")


async def test_calls_of_tools_that_nobody_offered_are_not_kept() -> None:
    manager = a_manager(ScriptedClient(says("Let me see.", echo("x"))))
    manager.create_conversation("c")

    answer = await manager.send_message("c", "one")

    assert answer is not None
    assert (answer.content, answer.tool_calls) == ("Let me see.", [])


async def test_equal_requests_are_answered_from_the_cache() -> None:
    client, cache = ScriptedClient(says("first"), says("second")), LLMCache()
    manager = a_manager(client, cache=cache)

    answers = [await manager.send_message(manager.create_conversation().conversation_id, "hi") for _ in range(2)]

    assert [answer.content for answer in answers if answer] == ["first", "first"]
    assert [answer.metadata["cached"] for answer in answers if answer] == [False, True]
    assert (len(client.asked), cache.get_statistics()["llm_cache"]["hits"]) == (1, 1)


@pytest.mark.parametrize("changes", [{"temperature": 0.9}, {"cache_ttl": 0}])
async def test_hot_sampling_and_a_ttl_of_nothing_are_not_cached(changes: dict[str, float]) -> None:
    client = ScriptedClient(config=a_config(**changes))
    manager = a_manager(client, cache=LLMCache())

    for _ in range(2):
        await manager.send_message(manager.create_conversation().conversation_id, "hi")

    assert len(client.asked) == 2


def test_one_event_loop_after_another_may_use_the_same_conversation() -> None:
    manager = a_manager()
    conversation = manager.create_conversation("c")

    async def talk_at_once() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(manager.send_message("c", "hi") for _ in range(3)))

    asyncio.run(talk_at_once())
    asyncio.run(talk_at_once())

    assert len(conversation.messages) == 12
