"""Callers of a mailbox that make their mails and collects by hand, as another process would."""

import asyncio
from typing import Any

from polaris_llm.actors.engine import ActorSpec
from polaris_llm.actors.links import Links
from polaris_llm.actors.mailbox import Mailbox
from polaris_llm.actors.messages import Answer, Blob, Mail, Message, unwrap, wrap
from polaris_llm.core.call_context import CallContext

from .actors import CALL, GREETING, Clerk
from .glass_engine import GlassEngine

SOON = 5.0
Answers = dict[int, Any]
"""By the number of the ask: the method's value, or its error."""


class Caller:
    """Sends mails to a clerk's mailbox and reads what comes back."""

    def __init__(self, clerk: Clerk, mailbox: Mailbox, engine: GlassEngine, name: str = "caller#1") -> None:
        self.clerk = clerk
        self.mailbox = mailbox
        self.engine = engine
        self.name = name
        self._answers: Answers = {}

    def other(self, name: str) -> "Caller":
        """Another caller of the same clerk."""
        return Caller(self.clerk, self.mailbox, self.engine, name)

    def message(self, number: int | None, method: str, *arguments: object, call: CallContext = CALL) -> Blob:
        """A message as it travels."""
        return wrap(number, Message(method, call, arguments), self.engine)

    async def mail(self, *blobs: Blob, cancelled: tuple[int, ...] = ()) -> Answers:
        """What rode on the reply."""
        reply = await asyncio.wait_for(self.mailbox.mail(Mail(self.name, None, list(blobs), cancelled)), SOON)
        return self._keep(values_of(reply.blobs))

    async def ask(self, number: int, method: str, *arguments: object, call: CallContext = CALL) -> Answers:
        """What rode on the reply to a mail of one message."""
        return await self.mail(self.message(number, method, *arguments, call=call))

    async def collect(self, wait_s: float = SOON) -> Answers:
        """What was late."""
        return self._keep(values_of(await asyncio.wait_for(self.mailbox.collect(self.name, wait_s), 2 * SOON)))

    async def answer(self, number: int) -> Any:  # the method's value, or an error
        """What was asked under this number, whether it rode on a reply or is still to be collected."""
        async with asyncio.timeout(SOON):
            while number not in self._answers:
                await self.collect()
        return self._answers[number]

    async def answer_to(self, number: int, method: str, *arguments: object) -> Any:  # the method's value, or an error
        """Ask, and wait for the answer."""
        await self.ask(number, method, *arguments)
        return await self.answer(number)

    async def release(self, *values: object) -> None:
        """Let holders answer."""
        await self.mail(*(self.message(None, "release", value) for value in values))

    def _keep(self, answers: Answers) -> Answers:
        self._answers |= answers
        return answers


def values_of(blobs: list[Blob]) -> Answers:
    answers = {number: unwrap(Answer, content) for number, content in blobs if number is not None}
    return {number: answer.value if answer.error is None else answer.error for number, answer in answers.items()}


def caller(*, pickles: bool = True, **spec: Any) -> Caller:  # ActorSpec's fields
    """The first caller of a new clerk."""
    engine = GlassEngine(pickles=pickles)
    clerk = Clerk(Links(engine, "clerk", GREETING))
    return Caller(clerk, Mailbox(clerk, ActorSpec(name="clerk", factory="", **spec), engine, GREETING), engine)
