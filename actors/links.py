"""The sending end of messages between actors: what one event-loop tick asks of a target leaves as one mail.

While a mail is outstanding later messages wait and form the next: one hop when idle, large batches under load, a bounded
window, no fixed delay. While answers are late one `collect` is outstanding, which fails at once when the target dies.
"""

import asyncio
import itertools
import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..core.call_context import CallContext
from ..core.exceptions import (
    ActorUnavailableError,
    DeadlineExceededError,
    LLMIntegrationError,
    OutcomeUnknownError,
    OverloadedError,
    RemoteCause,
    UnexpectedError,
    VersionMismatchError,
)
from .engine import Address, Engine
from .mailbox import WATCH
from .messages import LARGE_BYTES, Answer, Blob, Greeting, Mail, Message, is_aside, size_of, unwrap, wrap

logger = logging.getLogger(__name__)

MAX_QUEUED = 20_000
"""Messages that wait to be sent to one target; further ones are refused as overload."""
COLLECT_WAIT_S = 5.0
"""Seconds that one `collect` waits for late answers."""
TRY_AGAIN_S, LONGEST_PAUSE_S = 0.02, 0.5
"""Seconds between two tries to reach a target that is not there, or is overloaded: doubled from the first to the second."""
FOREVER_S = float(2**31)


@dataclass(slots=True, eq=False)
class _Pending:
    number: int | None
    method: str
    blob: Blob
    future: asyncio.Future[Answer] | None
    queued_at: float
    """On the loop's clock."""

    @property
    def is_wanted(self) -> bool:
        return self.future is None or not self.future.done()


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
        """Of all asks: no two have the same, whatever their target."""
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
        for link in self._links.values():
            await link.close()


class Link:
    """Asks and tells one target."""

    def __init__(self, links: Links, target: str) -> None:
        self.target = target
        self.outstanding = 0
        """Asks without an answer."""
        self._links = links
        self._engine = links.engine
        self._address: Address | None = None
        self._greeted = False
        self._queue: deque[_Pending] = deque()
        self._sent: dict[int, _Pending] = {}
        self._cancelled: list[int] = []
        self._sender: asyncio.Task[None] | None = None
        self._collector: asyncio.Task[None] | None = None
        self._fetches: set[asyncio.Task[None]] = set()

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
        deadline = loop.time() + (self._links.timeout_s if context.remaining_s is None else context.remaining_s)
        pause = TRY_AGAIN_S
        while True:
            try:
                return await self._ask_once(method, replace(context, remaining_s=deadline - loop.time()), arguments)
            except OverloadedError as error:
                pause = max(pause, error.retry_after or 0.0)
                by_target = error.actor in (None, self.target)  # or else by an actor further on: what the target did is done
                if not by_target or loop.time() + pause >= deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def tell(self, method: str, context: CallContext, *arguments: Any) -> None:
        """Send without wanting an answer; raises OverloadedError when too much waits to be sent already."""
        self._enqueue(method, context, arguments, None)

    async def watch(self) -> None:
        """Return when the target dies, or cannot be found for the links' timeout; raise when this end is closed."""
        try:
            await self.ask(WATCH, CallContext(remaining_s=FOREVER_S))
        except (OutcomeUnknownError, ActorUnavailableError):
            if self._links.is_closed:
                raise

    async def close(self) -> None:
        """Fail all that is outstanding and stop sending."""
        tasks = [task for task in (self._sender, self._collector, *self._fetches) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        reason = "this process closed its links"
        self._fail(self._queue, lambda pending: self._unavailable(pending, reason))
        self._fail(self._sent.values(), lambda pending: self._unknown(pending, reason))
        self._queue.clear()
        self._sent.clear()

    async def _ask_once(self, method: str, context: CallContext, arguments: tuple[Any, ...]) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        pending = self._enqueue(method, context, arguments, future)
        timer = loop.call_later(max(0.0, context.remaining_s or 0.0), self._expire, pending, context.remaining_s)
        self.outstanding += 1
        try:
            answer = await future
        finally:
            self.outstanding -= 1
            timer.cancel()
            if pending.number is not None and self._sent.pop(pending.number, None) is not None:  # expired, or cancelled
                self._cancelled.append(pending.number)
                self._wake_sender()
        if answer.error is not None:
            raise answer.error
        return answer.value

    def _enqueue(self, method: str, context: CallContext, arguments: tuple[Any, ...], future: asyncio.Future[Answer] | None) -> _Pending:
        if self._links.is_closed:
            raise ActorUnavailableError(f"{method} was not sent to {self.target}: this process closed its links", self.target)
        if len(self._queue) >= MAX_QUEUED:
            raise OverloadedError(f"{len(self._queue)} messages wait to be sent to {self.target}", self.target, retry_after=TRY_AGAIN_S)
        number = None if future is None else next(self._links.numbers)
        try:
            blob = wrap(number, Message(method, context, arguments), self._engine)
        except Exception as error:  # whatever pickle raises: the caller gave something that cannot travel
            raise UnexpectedError(f"{method} cannot be sent to {self.target}: {error}", cause=RemoteCause.of(error)) from error
        pending = _Pending(number, method, blob, future, asyncio.get_running_loop().time())
        self._queue.append(pending)
        self._wake_sender()
        return pending

    def _wake_sender(self) -> None:
        if self._sender is None and not self._links.is_closed:
            self._sender = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        try:
            while self._queue or self._cancelled:
                await self._send_batch()
        finally:
            self._sender = None

    async def _send_batch(self) -> None:
        address = self._address or await self._find()
        batch = self._take_batch()
        cancelled, self._cancelled = tuple(self._cancelled), []
        if address is None or not (batch or cancelled):
            return
        greeting = None if self._greeted else self._links.greeting
        try:
            reply = await address.mail(Mail(self._links.name, greeting, [pending.blob for pending in batch], cancelled))
        except Exception as error:  # ActorGoneError, or a defect of the engine: in both cases the outcome is unknown
            self._lose(address, error)
            return
        if reply.greeting not in (None, self._links.greeting):
            self._refuse(batch, reply.greeting)
            return
        self._greeted = True
        self._deliver(reply.blobs)
        if self._sent and self._collector is None and self._address is not None:
            self._collector = asyncio.create_task(self._collect_all(self._address))

    async def _find(self) -> Address | None:
        """Look until there is a target or nothing waits for it any more."""
        gone_at, pause = asyncio.get_running_loop().time(), TRY_AGAIN_S
        while self._queue:
            try:
                self._address = await self._engine.find(self.target)
            except Exception as error:  # the engine's own trouble: it may pass
                logger.warning("cannot look for %s: %s", self.target, error)
            if self._address is not None:
                self._greeted = False
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
            self._drop_overdue(gone_at)
        return self._address

    def _drop_overdue(self, gone_at: float) -> None:
        """Of what waits for a target that is gone, keep what is wanted and did not wait for too long."""
        began_by = asyncio.get_running_loop().time() - self._links.timeout_s
        waiting = [pending for pending in self._queue if pending.is_wanted]
        self._queue = deque(pending for pending in waiting if max(gone_at, pending.queued_at) >= began_by)
        overdue = [pending for pending in waiting if max(gone_at, pending.queued_at) < began_by]
        self._fail(overdue, lambda pending: self._unavailable(pending, f"no such actor was alive for {self._links.timeout_s:g} s"))

    def _take_batch(self) -> list[_Pending]:
        batch: list[_Pending] = []
        size = 0
        while self._queue and (not batch or size + size_of(self._queue[0].blob) <= LARGE_BYTES):
            pending = self._queue.popleft()
            if not pending.is_wanted:
                continue
            size += size_of(pending.blob)
            batch.append(pending)
            if pending.number is not None:
                self._sent[pending.number] = pending
        return batch

    async def _collect_all(self, address: Address) -> None:
        try:
            while self._sent:
                self._deliver(await address.collect(self._links.name, COLLECT_WAIT_S))
        except Exception as error:  # as for mail
            self._lose(address, error)
        else:
            self._collector = None

    def _deliver(self, blobs: Iterable[Blob]) -> None:
        for number, content in blobs:
            if number is None or number not in self._sent:  # nobody wants it any more
                continue
            if is_aside(content):
                fetch = asyncio.create_task(self._fetch(number, content))
                self._fetches.add(fetch)
                fetch.add_done_callback(self._fetches.discard)
            else:
                self._settle(number, content)

    async def _fetch(self, number: int, reference: Any) -> None:  # what the engine's `store` returned
        try:
            content: Any = await self._engine.load(reference)
        except Exception as error:  # the bytes went away with whoever kept them
            content = Answer(None, UnexpectedError.of(error))
        self._settle(number, content)

    def _settle(self, number: int, content: Any) -> None:  # a blob's content
        try:
            answer = unwrap(Answer, content)
        except Exception as error:  # whatever pickle raises: the answer cannot be read here
            answer = Answer(None, UnexpectedError.of(error))
        pending = self._sent.pop(number, None)
        if pending is not None:
            self._end(pending, answer)

    def _lose(self, address: Address, error: Exception) -> None:
        if self._address is not address:  # a death is told twice: by mail and by collect
            return
        self._address = None
        if self._collector is not None:
            self._collector.cancel()
            self._collector = None
        sent, self._sent = self._sent, {}
        self._cancelled.clear()
        self._fail(sent.values(), lambda pending: self._unknown(pending, str(error)))

    def _refuse(self, batch: list[_Pending], theirs: Greeting) -> None:
        ours = self._links.greeting
        reason = f"{self.target} runs polaris-llm {theirs.package} (wire {theirs.wire}), this process {ours.package} (wire {ours.wire})"
        self._address = None
        self._sent.clear()
        self._fail(batch, lambda pending: VersionMismatchError(f"{reason}: install the same version on both", self.target))

    def _expire(self, pending: _Pending, seconds: float) -> None:
        if self._address is None and pending.number not in self._sent:
            error: LLMIntegrationError = self._unavailable(pending, f"no such actor was alive within {seconds:.3g} s")
        else:
            error = DeadlineExceededError(f"{self.target} did not answer {pending.method} within {seconds:.3g} s", self.target)
        self._end(pending, Answer(None, error))

    def _fail(self, failed: Iterable[_Pending], error_for: Callable[[_Pending], LLMIntegrationError]) -> None:
        for pending in failed:
            self._end(pending, Answer(None, error_for(pending)))

    def _end(self, pending: _Pending, answer: Answer) -> None:
        if pending.future is None:
            logger.warning("%s", answer.error)
        elif not pending.future.done():
            pending.future.set_result(answer)

    def _unknown(self, pending: _Pending, reason: str) -> LLMIntegrationError:
        return OutcomeUnknownError(f"{self.target} may or may not have done {pending.method}: {reason}", self.target)

    def _unavailable(self, pending: _Pending, reason: str) -> LLMIntegrationError:
        return ActorUnavailableError(f"{pending.method} was not sent to {self.target}: {reason}", self.target)
