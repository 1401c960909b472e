"""The sending end of messages between actors: what one event-loop tick asks of a target leaves as one mail.

While a mail is outstanding later messages wait and form the next: one hop when idle, large batches under load, a bounded
window, no fixed delay. outbox.py does the sending; here stands what an asker sees.
"""

import asyncio
import itertools
import uuid
from typing import Any

from ..core.call_context import CallContext
from ..core.exceptions import (
    ActorUnavailableError,
    DeadlineExceededError,
    OutcomeUnknownError,
    OverloadedError,
    RemoteCause,
    UnexpectedError,
)
from ..core.frozen import changed
from .engine import Engine
from .mailbox import WATCH
from .messages import Answer, Greeting, Message, wrap
from .outbox import LONGEST_PAUSE_S, TRY_AGAIN_S, Outbox, Pending

FOREVER_S = float(2**31)


class Links:
    """All links of one process, actor or client."""

    def __init__(self, engine: Engine, name: str, greeting: Greeting, *, timeout_s: float = 60.0) -> None:
        self.engine = engine
        self.actor_name = name
        self.name = f"{name}#{uuid.uuid4().hex[:12]}"
        """Under which targets keep this process's answers; an actor that replaces another has a new one."""
        self.greeting = greeting
        self.timeout_s = timeout_s
        """Seconds for asks whose context says nothing, and for targets that are not there."""
        self.numbers = itertools.count(1)
        """Of all asks, whatever their target."""
        self.is_closed = False
        self._links: dict[str, Link] = {}

    def to(self, target: str) -> "Link":
        """The link to an actor, by name; the actor may come later."""
        if target not in self._links:
            self._links[target] = Link(self, target)
        return self._links[target]

    async def close(self) -> None:
        """Give up on all that is outstanding, and refuse what comes later."""
        self.is_closed = True
        for link in list(self._links.values()):
            await link.close()


class Link:
    """Asks and tells one target."""

    def __init__(self, links: Links, target: str) -> None:
        self.target = target
        self.outstanding = 0
        """Asks without an answer."""
        self.timeout_s = links.timeout_s
        """See Links."""
        self._links = links
        self._outbox = Outbox(target, links.engine, links.name, links.greeting, links.timeout_s)

    async def ask(self, method: str, context: CallContext, *arguments: Any) -> Any:  # what the target's method takes and gives
        """The method's answer.

        Waits while the target is overloaded, up to the context's remaining time, and for a target that is being replaced,
        up to the links' timeout.

        Raises:
            LLMIntegrationError: What the target raised.
            DeadlineExceededError: No answer in time; the target is told to stop.
            OutcomeUnknownError: The target died after it was sent this.
            OverloadedError: No room in time. ActorUnavailableError: no such actor in time. Neither was acted on.
            VersionMismatchError: The target runs another version.
            UnexpectedError: An argument, or the answer, cannot travel.
        """
        loop = asyncio.get_running_loop()
        timed = context if context.remaining_s is not None else changed(context, remaining_s=self._links.timeout_s)
        deadline, pause = loop.time() + (timed.remaining_s or 0.0), TRY_AGAIN_S
        while True:
            try:
                return await self._ask_once(method, timed, arguments)
            except OverloadedError as error:
                pause = max(pause, error.retry_after or 0.0)
                by_target = error.actor in (None, self.target)  # not by one further on, after the target began
                if not by_target or loop.time() + pause >= deadline:
                    raise
                await asyncio.sleep(pause)
                if loop.time() >= deadline:  # this process was away meanwhile
                    raise
            pause = min(2 * pause, LONGEST_PAUSE_S)
            timed = changed(context, remaining_s=deadline - loop.time())

    def tell(self, method: str, context: CallContext, *arguments: Any) -> None:
        """Send without wanting an answer; raises OverloadedError when too much waits to be sent already."""
        self._put(method, context, arguments, None)

    async def watch(self) -> None:
        """Return when the target dies, or cannot be found for the links' timeout; raise when this end is closed."""
        try:
            await self.ask(WATCH, CallContext(remaining_s=FOREVER_S))
        except (OutcomeUnknownError, ActorUnavailableError):
            if self._links.is_closed:
                raise

    async def close(self) -> None:
        """Fail all that is outstanding and stop sending."""
        await self._outbox.close()

    async def _ask_once(self, method: str, context: CallContext, arguments: tuple[Any, ...]) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        pending = self._put(method, context, arguments, future)
        seconds = max(0.0, context.remaining_s or 0.0)
        timer = loop.call_later(seconds, self._expire, pending, seconds)
        self.outstanding += 1
        try:
            answer = await future
        finally:
            self.outstanding -= 1
            timer.cancel()
            self._outbox.give_up(pending)
        if answer.error is not None:
            raise answer.error
        return answer.value

    def _put(self, method: str, context: CallContext, arguments: tuple[Any, ...], future: asyncio.Future[Answer] | None) -> Pending:
        if self._links.is_closed:
            raise ActorUnavailableError(f"{method} was not sent to {self.target}: this process closed its links", self.target)
        number = None if future is None else next(self._links.numbers)
        try:
            blob = wrap(number, Message(method, context, arguments), self._links.engine)
        except Exception as error:  # whatever pickle raises: the caller gave something that cannot travel
            raise UnexpectedError(f"{method} cannot be sent to {self.target}: {error}", cause=RemoteCause.of(error)) from error
        pending = Pending(number, method, blob, future, asyncio.get_running_loop().time())
        self._outbox.put(pending)
        return pending

    def _expire(self, pending: Pending, seconds: float) -> None:
        late = f"{self.target} did not answer {pending.method} within {seconds:.3g} s"
        if self._outbox.is_stuck(pending):
            pending.end(Answer(None, ActorUnavailableError(f"{late}: no such actor is alive", self.target)))
        else:
            pending.end(Answer(None, DeadlineExceededError(late, self.target)))
