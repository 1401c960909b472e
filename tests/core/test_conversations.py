"""The contract's conversation as an object: what it keeps, and what it lets go."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.conversations import Conversation, trimmed
from polaris_llm.core.models import Message, MessageRole, ToolCall

ROLES = {"s": MessageRole.SYSTEM, "u": MessageRole.USER, "a": MessageRole.ASSISTANT, "t": MessageRole.TOOL}


def script(roles: str) -> list[Message]:
    """Messages of these roles, each with its place for a text."""
    return [Message(ROLES[role], str(index)) for index, role in enumerate(roles)]


def kept(roles: str, max_messages: int) -> str:
    """The places of what is left."""
    return " ".join(message.content for message in trimmed(script(roles), max_messages))


@pytest.mark.parametrize(
    ("roles", "max_messages", "left"),
    [
        ("suaua", 5, "0 1 2 3 4"),
        ("suauau", 4, "0 3 4 5"),
        ("uatauata", 5, "4 5 6 7"),
        ("suatata", 3, "0 1 2 3 4 5 6"),
        ("uuuuu", 3, "2 3 4"),
        ("aaaaa", 3, "2 3 4"),
        ("usaua", 3, "1 3 4"),
    ],
)
def test_the_system_prompt_and_the_newest_whole_turns_are_kept(roles: str, max_messages: int, left: str) -> None:
    assert kept(roles, max_messages) == left


@given(st.lists(st.sampled_from(["ua", "uatta", "uattata", "u", "s"])), st.integers(1, 12))
def test_trimming_keeps_order_systems_and_every_call_with_its_results(turns: list[str], max_messages: int) -> None:
    messages = script("".join(turns))

    left = trimmed(messages, max_messages)

    spoken, all_spoken = ([message for message in some if message.role != "system"] for some in (left, messages))
    assert spoken == all_spoken[len(all_spoken) - len(spoken) :]
    assert not spoken or spoken[0].role == "user"
    assert len(left) - len(spoken) == len(messages) - len(all_spoken)
    assert trimmed(left, max_messages) == left


def test_a_conversation_grows_in_place_and_is_asked_by_role() -> None:
    conversation = Conversation("c", max_messages=4)
    held = conversation.messages

    for message in script("suauau"):
        conversation.add_message(message)

    assert held is conversation.messages
    assert [message.content for message in held] == ["0", "3", "4", "5"]
    assert [message.content for message in conversation.get_messages(MessageRole.USER)] == ["3", "5"]
    assert conversation.get_messages() is not held
    assert (last := conversation.get_last_message(MessageRole.ASSISTANT)) is not None
    assert last.content == "4"
    assert conversation.updated_at > conversation.created_at


def test_an_empty_conversation_has_no_last_message() -> None:
    conversation = Conversation()
    conversation.add_message(Message(MessageRole.USER, "hi"))

    conversation.clear_messages()

    assert (conversation.get_last_message(), conversation.messages) == (None, [])


def test_a_conversation_is_json() -> None:
    conversation = Conversation("c", context={"system": "web"})
    conversation.add_message(Message(MessageRole.ASSISTANT, "", tool_calls=[ToolCall("echo", {"message": "x"}, "id-1")]))

    told = json.loads(json.dumps(conversation.to_dict()))

    assert (told["conversation_id"], told["context"]) == ("c", {"system": "web"})
    assert told["messages"][0]["tool_calls"] == [{"call_id": "id-1", "tool_name": "echo", "parameters": {"message": "x"}}]
