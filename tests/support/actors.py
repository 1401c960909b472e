"""Actors to send messages to, and how to wait for what comes of it."""

import asyncio
import gc
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from polaris_llm.actors.links import Links
from polaris_llm.actors.messages import Greeting
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import LLMIntegrationError

GREETING = Greeting("1.2.3")
CALL = CallContext(session_id="session", run_id="run", step=1, remaining_s=10.0)


async def until(condition: Callable[[], bool]) -> None:
    """Let others have their turns until the condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


def alive(*type_names: str) -> list[int]:
    """How many objects of each type there are."""
    gc.collect()
    counts = Counter(type(thing).__name__ for thing in gc.get_objects())
    return [counts[name] for name in type_names]


async def outcome(ask: Awaitable[object]) -> object:
    """The answer, or the error in its place."""
    try:
        return await ask
    except LLMIntegrationError as error:
        return error


class Clerk:
    """Answers in every way that an actor may: at once, later, when told to, wrongly, never."""

    def __init__(self, links: Links) -> None:
        self.drawer = "not a method"
        self._links = links
        self._diary: list[tuple[str, object]] = []
        self._news = asyncio.Condition()
        self._released: defaultdict[object, asyncio.Event] = defaultdict(asyncio.Event)

    def echo(self, call: CallContext, value: object) -> object:
        """The value, at once."""
        return value

    def fill(self, call: CallContext, size: int) -> bytes:
        """So many bytes."""
        return bytes(size)

    async def echo_async(self, call: CallContext, value: object) -> object:
        """The value, a few turns of the loop later."""
        await asyncio.sleep(0)
        return value

    async def hold(self, call: CallContext, value: object) -> object:
        """The value, once it is released."""
        await self._write("begun", value)
        try:
            await self._released[value].wait()
        except asyncio.CancelledError:
            await self._write("cancelled", value)
            raise
        return value

    def release(self, call: CallContext, value: object) -> None:
        """Let the holder of the value answer."""
        self._released[value].set()

    async def saw(self, call: CallContext, what: str, value: object) -> bool:
        """True once a holder of the value has begun, or was cancelled."""
        async with self._news:
            return await self._news.wait_for(lambda: (what, value) in self._diary)

    async def note(self, call: CallContext, value: object) -> None:
        """Write the value into the diary, for `diary` and `saw`."""
        await self._write("noted", value)

    def diary(self, call: CallContext) -> list[tuple[str, object]]:
        """All that was written, in order."""
        return self._diary

    def context(self, call: CallContext) -> CallContext:
        """What came with the message."""
        return call

    def fail(self, call: CallContext, error: Exception) -> None:
        """Raise it."""
        raise error

    async def fail_async(self, call: CallContext, error: Exception) -> None:
        """Raise it from a task."""
        raise error

    async def give_up(self, call: CallContext) -> None:
        """Be cancelled, though nobody asked for it."""
        raise asyncio.CancelledError

    def unsendable(self, call: CallContext) -> object:
        """What cannot be pickled."""
        return lambda: None

    def fail_unsendably(self, call: CallContext) -> None:
        """Raise what cannot be pickled."""

        class LocalError(LLMIntegrationError):
            pass

        raise LocalError("known here alone")

    def unreadable(self, call: CallContext) -> object:
        """What cannot be unpickled."""
        return Unreadable()

    async def ask_on(self, call: CallContext, target: str, method: str, *arguments: object) -> object:
        """What another actor answers."""
        answer: object = await self._links.to(target).ask(method, call, *arguments)
        return answer

    def links(self, call: CallContext) -> Links:
        """Its own, where nothing is pickled."""
        return self._links

    async def stop_actor(self, call: CallContext, name: str) -> None:
        """End an actor, maybe this one."""
        await self._links.engine.stop(name)

    async def stop(self) -> None:
        """Write that this is the end."""
        await self._write("stopped", None)

    def health(self) -> dict[str, Any]:  # JSON
        """See Mailbox."""
        return {"mood": "good"}

    def _secret(self, call: CallContext) -> str:
        return "nobody may ask for this"

    async def _write(self, what: str, value: object) -> None:
        async with self._news:
            self._diary.append((what, value))
            self._news.notify_all()


class Unreadable:
    """Pickles well, and cannot be unpickled: like a class that only the sender has."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _refuse_to_be_read, ()


def _refuse_to_be_read() -> None:
    raise AttributeError("no such class here")


class BrokenStart:
    """Cannot start."""

    def __init__(self, links: Links, error: Exception) -> None:
        self._error = error

    async def start(self) -> None:
        """Raise the error."""
        raise self._error


class SlowStart(Clerk):
    """A clerk that starts by asking another actor."""

    async def start(self) -> None:
        """Ask, and write that it was answered."""
        await self._write("started", await self._links.to("first").ask("hold", CALL, "start"))
