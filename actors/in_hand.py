"""What a mailbox has in hand: messages that are not answered yet, and answers that their callers have not collected yet."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

from .messages import LARGE_BYTES, Blob, Message, size_of, unwrap


@dataclass(slots=True, eq=False)
class Work:
    """One message, until it is answered."""

    number: int | None
    method: str = "a message"
    remaining_s: float | None = None
    task: asyncio.Future[Any] | None = None
    timer: asyncio.TimerHandle | None = None
    cancelled_by: Literal["asker", "deadline", "close"] | None = None

    def read(self, content: Any) -> Message:  # a blob's content
        """The message, once it is there to be read."""
        message = unwrap(Message, content)
        self.method, self.remaining_s = message.method, message.context.remaining_s
        return message

    def arm(self) -> None:
        """From now on it has the time that its message says."""
        if self.remaining_s is not None:
            self.timer = asyncio.get_running_loop().call_later(self.remaining_s, self.cancel, "deadline")

    def cancel(self, by: Literal["asker", "deadline", "close"]) -> None:
        """Stop what works on it; only the first reason counts."""
        if self.task is not None and self.cancelled_by is None:
            self.cancelled_by = by
            self.task.cancel()


@dataclass(slots=True, eq=False)
class Sender:
    """One sender: its asks in hand, and its answers that wait to be collected."""

    asks: dict[int, Work] = field(default_factory=dict)
    answers: deque[Blob] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    present: int = 0
    last_seen: float = 0.0

    def take(self) -> list[Blob]:
        """The answers that wait, as many as go as one reply; the caller was seen."""
        taken: list[Blob] = []
        size = 0
        while self.answers and (not taken or size + size_of(self.answers[0]) <= LARGE_BYTES):
            size += size_of(self.answers[0])
            taken.append(self.answers.popleft())
        self.arrived.clear()
        self.last_seen = asyncio.get_running_loop().time()
        return taken
