"""An engine whose calls a test can see, hold back and break, and an office: a clerk on such an engine, and links to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from polaris_llm.actors.engine import ActorGoneError, ActorSpec, Address
from polaris_llm.actors.inline_engine import InlineEngine
from polaris_llm.actors.links import Link, Links
from polaris_llm.actors.messages import Blob, Mail, MailReply

from .actors import GREETING

CLERK = "support.actors:Clerk"


class GlassEngine(InlineEngine):
    """An inline engine whose calls can be seen, held back and broken."""

    def __init__(self, *, pickles: bool = True, timeout_s: float = 5.0) -> None:
        super().__init__(GREETING, pickles=pickles, timeout_s=timeout_s)
        self.mails: list[Mail] = []
        self.greetings = self.loads = 0
        self.collecting = self.most_collecting = 0
        self.mails_flow, self.deaths_are_told, self.loads_flow = asyncio.Event(), asyncio.Event(), asyncio.Event()
        for event in (self.mails_flow, self.deaths_are_told, self.loads_flow):
            event.set()
        self.find_fault: Exception | None = None
        self.mail_fault: Exception | None = None
        self.collect_fault: Exception | None = None
        self.load_fault: Exception | None = None

    async def find(self, name: str) -> Address | None:
        """See Engine."""
        if self.find_fault is not None:
            raise self.find_fault
        address = await super().find(name)
        return None if address is None else GlassAddress(self, address)

    async def load(self, reference: Any) -> bytes:  # what `store` returned
        """See Engine."""
        self.loads += 1
        await self.loads_flow.wait()
        if self.load_fault is not None:
            raise self.load_fault
        return await super().load(reference)


class GlassAddress:
    """See GlassEngine."""

    def __init__(self, engine: GlassEngine, address: Address) -> None:
        self._engine = engine
        self._address = address

    async def mail(self, mail: Mail) -> MailReply:
        """See Address."""
        if not mail.blobs and not mail.cancelled:
            self._engine.greetings += 1
            return await self._address.mail(mail)
        self._engine.mails.append(mail)
        await self._engine.mails_flow.wait()
        if self._engine.mail_fault is not None:
            raise self._engine.mail_fault
        return await self._address.mail(mail)

    def leave(self) -> None:
        """See Address."""
        self._address.leave()

    async def collect(self, caller: str, wait_s: float) -> list[Blob]:
        """See Address."""
        engine = self._engine
        engine.collecting += 1
        engine.most_collecting = max(engine.collecting, engine.most_collecting)
        try:
            if engine.collect_fault is not None:
                raise engine.collect_fault
            return await self._address.collect(caller, wait_s)
        except ActorGoneError:
            await engine.deaths_are_told.wait()
            raise
        finally:
            engine.collecting -= 1


class Office:
    """A glass engine with a clerk, and links to it."""

    def __init__(self, engine: GlassEngine, links: Links, factory: str) -> None:
        self.factory = factory
        self.engine = engine
        self.links = links
        self.clerk = links.to("clerk")

    async def hire(self, name: str = "clerk", **spec: Any) -> Link:  # ActorSpec's fields
        """Create a clerk and return the link to it."""
        await self.engine.create(ActorSpec(name=name, factory=self.factory, **spec))
        return self.links.to(name)


@asynccontextmanager
async def office(
    *, pickles: bool = True, timeout_s: float = 5.0, factory: str = CLERK, **spec: Any
) -> AsyncIterator[Office]:  # ActorSpec's fields
    """An office with its clerk, for as long as the block runs and at most half a minute."""
    async with asyncio.timeout(30):
        engine = GlassEngine(pickles=pickles, timeout_s=timeout_s)
        place = Office(engine, Links(engine, "tester", GREETING, timeout_s=timeout_s), factory)
        await place.hire(**spec)
        try:
            yield place
        finally:
            await place.links.close()
            await engine.stop("clerk")
