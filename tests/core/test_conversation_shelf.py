"""Which conversations are kept: bounded in number and time, of both kinds, and none that is in use."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from polaris_llm.core.conversation_manager import ConversationManager
from support.conversations import PATIENCE_S, Gate, ScriptedClient, a_manager

Create = Callable[[ConversationManager, str], str]


class Clock:
    """Time that only tests move."""

    now = 1_000_000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def plain(manager: ConversationManager, name: str) -> str:
    """A plain conversation."""
    return manager.create_conversation(name).conversation_id


def agentic(manager: ConversationManager, name: str) -> str:
    """An agentic one."""
    return manager.create_agentic_conversation(name).conversation_id


def listed(manager: ConversationManager) -> list[str]:
    """The ids of both kinds."""
    return manager.list_conversations() + manager.list_agentic_conversations()


def found(manager: ConversationManager, conversation_id: str) -> bool:
    """Whether it is there, of whichever kind."""
    return bool(manager.get_conversation(conversation_id) or manager.get_agentic_conversation(conversation_id))


@pytest.fixture(params=[plain, agentic])
def create(request: pytest.FixtureRequest) -> Create:
    """Makes a conversation of one kind."""
    made: Create = request.param
    return made


def test_the_longest_unused_goes_when_there_are_too_many(create: Create) -> None:
    manager = a_manager(max_conversations=2)
    first, second = create(manager, "first"), create(manager, "second")
    assert found(manager, first)

    third = create(manager, "third")

    assert listed(manager) == [first, third]
    assert not found(manager, second)


def test_the_two_kinds_are_bounded_each_for_itself() -> None:
    manager = a_manager(max_conversations=1)

    plain(manager, "one")
    agentic(manager, "two")

    assert len(listed(manager)) == 2


def test_what_was_not_used_for_the_ttl_is_gone(create: Create) -> None:
    clock = Clock()
    manager = a_manager(ttl_s=10.0, clock=clock)
    used, unused = create(manager, "used"), create(manager, "unused")
    clock.now += 6
    assert found(manager, used)

    clock.now += 6

    assert listed(manager) == [used]
    assert not found(manager, unused)


@pytest.mark.anyio
async def test_a_conversation_with_a_turn_under_way_is_not_evicted() -> None:
    gate, clock = Gate(), Clock()
    manager = a_manager(ScriptedClient(gate), max_conversations=1, ttl_s=10.0, clock=clock)
    conversation = manager.create_conversation("busy")
    turn = asyncio.create_task(manager.send_message("busy", "hi"))
    async with asyncio.timeout(PATIENCE_S):
        await gate.came.wait()

        clock.now += 20
        manager.create_conversation("new")
        assert manager.list_conversations() == ["busy", "new"]
        gate.opened.set()
        await turn
    manager.create_conversation("newer")

    assert len(conversation.messages) == 2
    assert manager.list_conversations() == ["newer"]


def test_deleting_and_evicting_go_together(create: Create) -> None:
    manager = a_manager(max_conversations=2)
    first = create(manager, "first")

    assert manager.delete_conversation(first)
    assert not manager.delete_conversation(first)
    for name in ("second", "third", "fourth"):
        create(manager, name)

    assert len(listed(manager)) == 2


def test_old_conversations_of_both_kinds_are_cleared() -> None:
    manager = a_manager()
    old, older = manager.create_conversation("old"), manager.create_agentic_conversation("older")
    for conversation in (old, older):
        conversation.updated_at -= timedelta(hours=3)
    manager.create_conversation("young")

    assert manager.clear_conversations(older_than_hours=2) == 2
    assert listed(manager) == ["young"]
    assert manager.clear_conversations() == 1
    assert listed(manager) == []


def test_statistics_count_both_kinds() -> None:
    manager = a_manager()
    manager.create_conversation()
    manager.create_agentic_conversation("a")
    manager.create_agentic_conversation("b").is_complete = True

    assert manager.get_conversation_statistics() == {
        "total_conversations": 1,
        "total_agentic_conversations": 2,
        "active_conversations": 1,
        "completed_conversations": 1,
    }
