"""The receiving end of messages between actors: batches in, answers out, late ones collected.

Answers that are quick ride on the reply of their mail; later ones wait for the caller's `collect`, which is also the sign
that the caller lives. One slow message never holds back the others of its batch.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable
from functools import partial
from typing import Any

from ..core.exceptions import ActorError, DeadlineExceededError, LLMIntegrationError, OverloadedError, UnexpectedError
from .engine import ActorGoneError, ActorSpec
from .in_hand import Sender, Work
from .messages import Answer, Blob, Greeting, LargeValues, Mail, MailReply, Message, is_aside, wrap

logger = logging.getLogger(__name__)

QUICK_TICKS = 6
"""Turns of the event loop for which a mail waits for quick answers."""
OVERLOAD_RETRY_S = 0.05
"""The hint that a full actor gives."""
CLOSE_WAIT_S = 5.0
"""Seconds that methods get to end when they are cancelled because the actor closes."""
WATCH = "watch"
"""Never answered: its asker waits for its own `collect` to fail."""
HEALTH = "health"
LIFECYCLE = ("start", "stop")  # public methods that are for the engine alone


class Mailbox:
    """Gives a plain object's public methods to callers elsewhere; each takes a CallContext and the ask's arguments."""

    def __init__(self, actor: object, spec: ActorSpec, place: LargeValues, greeting: Greeting) -> None:
        self._actor = actor
        self._spec = spec
        self._place = place
        self._greeting = greeting
        self._callers: dict[str, Sender] = {}
        self._in_hand: dict[Work, asyncio.Future[Any]] = {}
        self._served = 0
        self._sweep: asyncio.TimerHandle | None = None

    async def mail(self, mail: Mail) -> MailReply:
        """Take a batch and answer what can be answered at once."""
        if mail.greeting not in (None, self._greeting):
            return MailReply(self._greeting, [])
        caller = self._caller(mail.caller)
        caller.present += 1
        try:
            await self._take_in(caller, mail)
        finally:
            caller.present -= 1
        return MailReply(self._greeting if mail.greeting else None, caller.take())

    async def _take_in(self, caller: Sender, mail: Mail) -> None:
        for number in caller.asks.keys() & set(mail.cancelled):
            caller.asks[number].cancel("asker")
        begun = [work for blob in mail.blobs if (work := self._receive(caller, blob)) is not None]
        for _ in range(QUICK_TICKS):
            if self._in_hand.keys().isdisjoint(begun):
                break
            await asyncio.sleep(0)

    async def collect(self, caller_name: str, wait_s: float) -> list[Blob]:
        """Late answers, as soon as there are any, or none after `wait_s` seconds."""
        if caller_name not in self._callers:  # who collects has sent asks: it was taken for dead, and learns that they are lost
            raise ActorGoneError(f"{self._spec.name} took {caller_name} for dead")
        caller = self._caller(caller_name)
        caller.present += 1
        try:
            if not caller.answers:
                async with asyncio.timeout(wait_s):
                    await caller.arrived.wait()
                await asyncio.sleep(0)  # others of the same tick come along
        except TimeoutError:
            pass
        finally:
            caller.present -= 1
        return caller.take()

    async def close(self) -> None:
        """Cancel all work in hand and let the actor end."""
        if self._sweep is not None:
            self._sweep.cancel()
        others = {work: task for work, task in self._in_hand.items() if task is not asyncio.current_task()}
        for work in others:
            work.cancel("close")
        if others:
            await asyncio.wait(others.values(), timeout=CLOSE_WAIT_S)
        if hasattr(self._actor, "stop"):
            await self._actor.stop()

    def _caller(self, name: str) -> Sender:
        loop = asyncio.get_running_loop()
        caller = self._callers.setdefault(name, Sender())
        caller.last_seen = loop.time()
        if self._sweep is None:
            self._sweep_later()
        return caller

    def _sweep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(self._spec.lease_s / 2, self._drop_dead_callers, loop.time() + self._spec.lease_s / 2)

    def _drop_dead_callers(self, due: float) -> None:
        now = asyncio.get_running_loop().time()
        if now - due < self._spec.lease_s / 4:  # else it was this process that was away, and its callers are still to be heard
            self._drop_unseen(now - self._spec.lease_s)
        self._sweep = None
        if self._callers:
            self._sweep_later()

    def _drop_unseen(self, dead_since: float) -> None:
        for name, caller in list(self._callers.items()):
            if caller.present == 0 and caller.last_seen < dead_since:
                for work in caller.asks.values():
                    work.cancel("asker")
                del self._callers[name]

    def _receive(self, caller: Sender, blob: Blob) -> Work | None:
        """The work that a message leaves, unless it is answered at once."""
        number, content = blob
        work = Work(number)
        try:
            result = self._begin(work, content)
        except Exception as error:  # the boundary that dispatches messages: the asker is told
            self._answer(caller, work, Answer(None, _known(error)))
            return None
        if hasattr(type(result), "__await__"):
            self._follow(caller, work, result)
            return work
        if work.method != WATCH:
            self._answer(caller, work, Answer(result))
        return None

    def _begin(self, work: Work, content: Any) -> Any:  # the method's value, or what will give it
        if is_aside(content):
            self._require_room()
            return self._fetch(work, content)
        message = work.read(content)
        if message.method == WATCH:
            return None
        if message.method == HEALTH:
            return self._health()
        self._require_room()
        return self._call(message)

    async def _fetch(self, work: Work, reference: Any) -> Any:  # the method's value
        message = work.read(await self._place.load(reference))
        work.arm()
        result = self._call(message)
        return await result if hasattr(type(result), "__await__") else result

    def _require_room(self) -> None:
        if len(self._in_hand) >= self._spec.capacity:
            full = f"{self._spec.name} has {len(self._in_hand)} messages in hand, its capacity"
            raise OverloadedError(full, self._spec.name, retry_after=OVERLOAD_RETRY_S)

    def _call(self, message: Message) -> Any:  # whatever the actor's method gives
        if not _is_public(self._actor, message.method):
            known = ", ".join(name for name in dir(self._actor) if _is_public(self._actor, name))
            raise ActorError(f"{self._spec.name} has no method {message.method!r}; it has: {known}", self._spec.name)
        return getattr(self._actor, message.method)(message.context, *message.arguments)

    def _follow(self, caller: Sender, work: Work, result: Awaitable[Any]) -> None:
        work.task = asyncio.ensure_future(result)
        work.arm()
        self._in_hand[work] = work.task
        if work.number is not None:
            caller.asks[work.number] = work
        work.task.add_done_callback(partial(self._end, caller, work))

    def _end(self, caller: Sender, work: Work, task: asyncio.Future[Any]) -> None:
        del self._in_hand[work]
        if work.timer is not None:
            work.timer.cancel()
        if work.number is not None:
            caller.asks.pop(work.number, None)
        if not task.cancelled():
            error = task.exception()
            self._answer(caller, work, Answer(task.result()) if error is None else Answer(None, _known(error)))
        elif work.cancelled_by == "deadline":
            late = f"{work.method} did not end within {work.remaining_s:g} s"
            self._answer(caller, work, Answer(None, DeadlineExceededError(late, self._spec.name)))
        elif work.cancelled_by is None:
            self._answer(caller, work, Answer(None, UnexpectedError(f"{self._spec.name} cancelled {work.method} itself")))

    def _answer(self, caller: Sender, work: Work, answer: Answer) -> None:
        self._served += 1
        if work.number is not None:
            caller.answers.append(self._wrap(work.number, answer))
            caller.arrived.set()
        elif answer.error is not None:
            logger.error("%s: %s failed: %s", self._spec.name, work.method, answer.error)

    def _wrap(self, number: int, answer: Answer) -> Blob:
        try:
            return wrap(number, answer, self._place)
        except Exception as unsendable:  # whatever pickle raises for what cannot travel
            return wrap(number, Answer(None, UnexpectedError.of(answer.error or unsendable)), self._place)

    def _health(self) -> dict[str, Any]:  # JSON
        facts: dict[str, Any] = self._actor.health() if hasattr(self._actor, "health") else {}
        return {"name": self._spec.name, "pid": os.getpid(), "in_hand": len(self._in_hand), "served": self._served, **facts}


def _is_public(actor: object, name: str) -> bool:
    return not name.startswith("_") and name not in LIFECYCLE and callable(getattr(actor, name, None))


def _known(error: BaseException) -> LLMIntegrationError:
    if isinstance(error, LLMIntegrationError):
        return error
    logger.error("unexpected %s", type(error).__name__, exc_info=error)
    return UnexpectedError.of(error)
