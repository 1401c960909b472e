"""Actors in this process, without Ray: the same messages, the same failures, one event loop."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from .engine import ActorGoneError, ActorSpec, Address
from .links import Links
from .mailbox import Mailbox
from .messages import Blob, Greeting, Mail, MailReply

T = TypeVar("T")


class InlineEngine:
    """Keeps actors as objects; with `pickles`, every message is pickled and unpickled as if it crossed processes."""

    def __init__(self, greeting: Greeting, *, pickles: bool = False, timeout_s: float = 60.0) -> None:
        self.pickles = pickles
        self._greeting = greeting
        self._timeout_s = timeout_s
        self._actors: dict[str, _InlineActor] = {}

    async def create(self, spec: ActorSpec) -> None:
        """See Engine."""
        if spec.name in self._actors:
            return
        actor = self._actors[spec.name] = _InlineActor(spec, self, self._greeting, self._timeout_s)
        await actor.ready()

    async def find(self, name: str) -> Address | None:
        """See Engine."""
        return self._actors.get(name)

    async def stop(self, name: str) -> None:
        """See Engine."""
        actor = self._actors.pop(name, None)
        if actor is not None:
            await actor.die()

    def store(self, blob: bytes) -> Any:  # any reference will do
        """See Engine."""
        return _Aside(blob)

    async def load(self, reference: Any) -> bytes:  # what `store` returned
        """See Engine."""
        blob: bytes = reference.blob
        return blob


class _Aside:
    """Large bytes that were put aside."""

    def __init__(self, blob: bytes) -> None:
        self.blob = blob


class _InlineActor:
    """One actor and its mailbox; calls fail with ActorGoneError once it is stopped."""

    def __init__(self, spec: ActorSpec, engine: InlineEngine, greeting: Greeting, timeout_s: float) -> None:
        self._links = Links(engine, spec.name, greeting, timeout_s=timeout_s)
        self._actor = spec.build(self._links)
        self._mailbox = Mailbox(self._actor, spec, engine, greeting)
        self._dead = asyncio.get_running_loop().create_future()
        self._name = spec.name

    async def ready(self) -> None:
        if hasattr(self._actor, "start"):
            await self._actor.start()

    async def die(self) -> None:
        if not self._dead.done():
            self._dead.set_result(None)
            await self._mailbox.close()
            await self._links.close()

    async def mail(self, mail: Mail) -> MailReply:
        return await self._unless_dead(self._mailbox.mail(mail))

    async def collect(self, caller: str, wait_s: float) -> list[Blob]:
        return await self._unless_dead(self._mailbox.collect(caller, wait_s))

    async def _unless_dead(self, call: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(call)
        await asyncio.wait({task, self._dead}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            raise ActorGoneError(f"{self._name} was stopped")
        return task.result()
