"""Actors in this process, without Ray: the same messages, the same failures, one event loop."""

import asyncio
import pickle
from collections.abc import Coroutine
from typing import Any, TypeVar

from ..core.exceptions import LLMIntegrationError
from .engine import ActorGoneError, ActorSpec, Address
from .links import Links
from .mailbox import CLOSE_WAIT_S, Mailbox
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
        """See Engine; raises what the actor's own start raised, if that is an error of ours."""
        if spec.name not in self._actors:
            its_spec = pickle.loads(pickle.dumps(spec)) if self.pickles else spec
            self._actors[spec.name] = _InlineActor(its_spec, self, self._greeting, self._timeout_s)
        try:
            await self._actors[spec.name].ready()
        except Exception as error:
            await self.stop(spec.name)
            raise error if isinstance(error, LLMIntegrationError) else ActorGoneError(f"{spec.name} did not start: {error}") from error

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
    """One actor behind its mailbox; it starts by itself. Calls fail with ActorGoneError once it is stopped."""

    def __init__(self, spec: ActorSpec, engine: InlineEngine, greeting: Greeting, timeout_s: float) -> None:
        self._name = spec.name
        self._links = Links(engine, spec.name, greeting, timeout_s=timeout_s)
        self._dead = asyncio.get_running_loop().create_future()
        self._started = asyncio.create_task(self._start(spec, greeting))

    async def ready(self) -> None:
        await asyncio.wait({self._started, self._dead}, return_when=asyncio.FIRST_COMPLETED)
        if not self._started.done() or self._started.cancelled():
            raise self._gone()
        self._started.result()

    async def mail(self, mail: Mail) -> MailReply:
        return await self._unless_dead(self._mail(mail))

    async def collect(self, caller: str, wait_s: float) -> list[Blob]:
        return await self._unless_dead(self._collect(caller, wait_s))

    def leave(self) -> None:
        """Nothing is kept open."""

    async def die(self) -> None:
        if self._dead.done():
            return
        self._dead.set_result(None)
        self._started.cancel()
        await asyncio.wait({self._started}, timeout=CLOSE_WAIT_S)
        try:
            if not self._started.cancelled() and self._started.exception() is None:
                await self._started.result().close()
        finally:
            await self._links.close()

    async def _start(self, spec: ActorSpec, greeting: Greeting) -> Mailbox:
        actor = spec.build(self._links)
        if hasattr(actor, "start"):
            await actor.start()
        return Mailbox(actor, spec, self._links.engine, greeting)

    async def _mailbox(self) -> Mailbox:
        return await asyncio.shield(self._started)

    async def _mail(self, mail: Mail) -> MailReply:
        return await (await self._mailbox()).mail(mail)

    async def _collect(self, caller: str, wait_s: float) -> list[Blob]:
        return await (await self._mailbox()).collect(caller, wait_s)

    async def _unless_dead(self, call: Coroutine[Any, Any, T]) -> T:
        if self._dead.done():
            call.close()
            raise self._gone()
        task = asyncio.create_task(call)
        try:
            await asyncio.wait({task, self._dead}, return_when=asyncio.FIRST_COMPLETED)
            if self._dead.done():  # also when an answer is there: it would have been on its way
                raise self._gone()
            return task.result()
        finally:
            task.cancel()

    def _gone(self) -> ActorGoneError:
        return ActorGoneError(f"{self._name} was stopped")
