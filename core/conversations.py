"""The contract's conversation: messages that grow in place, and how the oldest are let go without breaking what is left."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from .models import Message, MessageRole

MAX_MESSAGES = 100


class Conversation:
    """Messages between a user and a model. At most `max_messages` are kept, but for the last turn, which stays whole."""

    def __init__(
        self,
        conversation_id: str | None = None,
        max_messages: int = MAX_MESSAGES,
        context: dict[str, Any] | None = None,  # the caller's own
    ) -> None:
        self.conversation_id = conversation_id or str(uuid.uuid4())
        self.max_messages = max_messages
        self.messages: list[Message] = []
        self.context = dict(context or {})
        self.metadata: dict[str, Any] = {}  # the caller's own
        self.created_at = self.updated_at = datetime.now(UTC)

    def add_message(self, message: Message) -> None:
        """Append a message; whole turns go from the front where there are too many."""
        self.messages.append(message)
        self.messages[:] = trimmed(self.messages, self.max_messages)
        self.updated_at = datetime.now(UTC)

    def get_messages(self, role: MessageRole | None = None) -> list[Message]:
        """A copy of the list; of one role, or of all."""
        return [message for message in self.messages if role in (None, message.role)]

    def get_last_message(self, role: MessageRole | None = None) -> Message | None:
        """The newest message; of one role, or of any."""
        return next((message for message in reversed(self.messages) if role in (None, message.role)), None)

    def clear_messages(self) -> None:
        """Forget all messages, the system's too."""
        self.messages.clear()
        self.updated_at = datetime.now(UTC)

    def to_dict(self) -> dict[str, Any]:  # JSON, if context and metadata are
        """The conversation as JSON."""
        return {
            "conversation_id": self.conversation_id,
            "max_messages": self.max_messages,
            "messages": [_message_dict(message) for message in self.messages],
            "context": self.context,
            "metadata": self.metadata,
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
        }


def trimmed(messages: Sequence[Message], max_messages: int) -> list[Message]:
    """The newest whole turns that fit, the last one even if it does not, after every system message."""
    if len(messages) <= max_messages:
        return list(messages)
    system = [message for message in messages if message.role is MessageRole.SYSTEM]
    turns = _turns(message for message in messages if message.role is not MessageRole.SYSTEM)
    left = len(messages)
    while left > max_messages and len(turns) > 1:
        left -= len(turns.pop(0))
    return [*system, *(message for turn in turns for message in turn)]


def _turns(messages: Iterable[Message]) -> list[list[Message]]:
    """A turn is a question with all that answers it; a model that speaks unasked begins one too."""
    turns: list[list[Message]] = []
    for message in messages:
        unasked = bool(turns) and message.role is turns[-1][-1].role is MessageRole.ASSISTANT
        if message.role is MessageRole.USER or unasked or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def _message_dict(message: Message) -> dict[str, Any]:  # as to_dict
    calls = [{"call_id": call.call_id, "tool_name": call.tool_name, "parameters": call.parameters} for call in message.tool_calls]
    return {
        "role": message.role.value,
        "content": message.content,
        "timestamp": message.timestamp.isoformat(),
        "metadata": message.metadata,
        "tool_calls": calls,
        "tool_call_id": message.tool_call_id,
    }
