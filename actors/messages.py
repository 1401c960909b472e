"""What travels between actors: messages out, answers back, in batches. Values only; links.py sends, mailbox.py receives."""

import pickle
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ..core.call_context import CallContext
from ..core.exceptions import LLMIntegrationError
from ..core.frozen import revive, values_of
from ..core.pickling import pickled_by_fields

WIRE_VERSION = 2
LARGE_BYTES = 96_000
"""Beyond this a message goes by reference, and a batch is full: a Ray call becomes four times dearer at 100 kB."""

Blob = tuple[int | None, Any]
"""What a message or an answer travels as: the ask's number (a tell has none), and its bytes, or what an engine's `store`
returned for large bytes, or the value itself where nothing is pickled."""

_context_values = values_of(CallContext)


@dataclass(frozen=True, slots=True)
class Greeting:
    """Versions that must agree before anything else is said."""

    package: str
    wire: int = WIRE_VERSION


@dataclass(frozen=True, slots=True)
class Message:
    """One ask, or a tell if its blob has no number."""

    method: str
    context: CallContext
    arguments: tuple[Any, ...]

    def pack(self) -> tuple[Any, ...]:
        """Plain tuples: pickle takes a tenth of the time that it takes for dataclasses."""
        return self.method, _context_values(self.context), self.arguments

    @classmethod
    def unpack(cls, method: str, context: tuple[Any, ...], arguments: tuple[Any, ...]) -> "Message":
        """What was packed."""
        return cls(method, revive(CallContext, *context), arguments)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an ask."""

    value: Any
    error: LLMIntegrationError | None = None

    def pack(self) -> tuple[Any, ...]:
        """See Message."""
        return self.value, self.error

    @classmethod
    def unpack(cls, value: Any, error: LLMIntegrationError | None) -> "Answer":
        """What was packed."""
        return cls(value, error)


@dataclass(frozen=True, slots=True)
class Mail:
    """What one call carries to an actor."""

    caller: str
    greeting: Greeting | None
    blobs: list[Blob]
    cancelled: tuple[int, ...] = ()
    """Earlier asks whose answers nobody wants any more."""


@dataclass(frozen=True, slots=True)
class MailReply:
    """What one call carries back: answers that were quick, and those that had waited."""

    greeting: Greeting | None
    blobs: list[Blob]


class LargeValues(Protocol):
    """Where messages become bytes, and large ones are put aside."""

    pickles: bool
    """Whether messages must be bytes."""

    def store(self, blob: bytes) -> Any:  # a reference that only the engine understands
        """Put large bytes aside and return what stands for them."""
        ...

    async def load(self, reference: Any) -> bytes:  # what `store` returned
        """The bytes that were put aside."""
        ...


Packed = TypeVar("Packed", Message, Answer)


def wrap(number: int | None, value: Message | Answer, place: LargeValues) -> Blob:
    """The blob of a message or an answer; raises what pickle raises."""
    if not place.pickles:
        return number, value
    data = pickle.dumps(value.pack(), protocol=pickle.HIGHEST_PROTOCOL)
    return number, data if len(data) <= LARGE_BYTES else place.store(data)


def is_aside(content: object) -> bool:
    """Whether a blob's content is a reference, to be loaded before it can be unwrapped."""
    return not isinstance(content, bytes | Message | Answer)


def unwrap(kind: type[Packed], content: Any) -> Packed:  # a blob's content
    """The message or the answer; raises what pickle raises."""
    return content if isinstance(content, kind) else kind.unpack(*pickle.loads(content))


def size_of(blob: Blob) -> int:
    """Bytes that a blob adds to a batch: unpickled values are small, and what a reference stands for is large."""
    content = blob[1]
    return len(content) if isinstance(content, bytes) else LARGE_BYTES if is_aside(content) else 200


pickled_by_fields(Greeting, Mail, MailReply)
