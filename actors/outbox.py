"""What waits to be sent to one target, and what was sent and waits for its answer.

One mail is outstanding at most, and, while answers are late, one `collect`, which fails at once when the target dies.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..core.exceptions import (
    ActorUnavailableError,
    LLMIntegrationError,
    OutcomeUnknownError,
    OverloadedError,
    UnexpectedError,
    VersionMismatchError,
)
from .engine import Address, Engine
from .messages import LARGE_BYTES, Answer, Blob, Greeting, Mail, is_aside, size_of, unwrap

logger = logging.getLogger(__name__)

MAX_QUEUED = 20_000
"""Messages that wait to be sent to one target; further ones are refused as overload."""
COLLECT_WAIT_S = 5.0
"""Seconds that one `collect` waits for late answers."""
FRESH_S = 1.0
"""Seconds after which a target that was not heard of is greeted before it is sent anything."""
TRY_AGAIN_S, LONGEST_PAUSE_S = 0.02, 0.5
"""Seconds between two tries to reach a target that is not there, or is overloaded: doubled from the first to the second."""


@dataclass(slots=True, eq=False)
class Pending:
    """A message on its way; its future gets the answer, a tell has none."""

    number: int | None
    method: str
    blob: Blob
    future: asyncio.Future[Answer] | None
    queued_at: float  # on the loop's clock

    @property
    def is_wanted(self) -> bool:
        """Whether anybody still waits for it."""
        return self.future is None or not self.future.done()

    def end(self, answer: Answer) -> None:
        """Give the answer to whoever waits for it; that a tell failed is only logged."""
        if self.future is None:
            logger.warning("%s", answer.error)
        elif not self.future.done():
            self.future.set_result(answer)


class Outbox:
    """Sends messages to one target in batches and hands out their answers; waits `patience_s` seconds for a target that is not there."""

    def __init__(self, target: str, engine: Engine, caller: str, greeting: Greeting, patience_s: float) -> None:
        self._target = target
        self._engine = engine
        self._caller = caller
        self._greeting = greeting
        self._patience_s = patience_s
        self._address: Address | None = None
        self._heard_at = -math.inf
        self._queue: deque[Pending] = deque()
        self._sent: dict[int, Pending] = {}
        self._cancelled: list[int] = []
        self._sender: asyncio.Task[None] | None = None
        self._collector: asyncio.Task[None] | None = None
        self._fetches: set[asyncio.Task[None]] = set()

    def put(self, pending: Pending) -> None:
        """Send it with the next batch; raises OverloadedError when too many wait already."""
        if len(self._queue) >= MAX_QUEUED:
            raise OverloadedError(f"{len(self._queue)} messages wait to be sent to {self._target}", self._target, retry_after=TRY_AGAIN_S)
        self._queue.append(pending)
        self._wake_sender()

    def give_up(self, pending: Pending) -> None:
        """Nobody waits for the answer any more: if none came, the target is told."""
        if pending.number is not None and self._sent.pop(pending.number, None) is not None:
            self._cancelled.append(pending.number)
            self._wake_sender()

    def is_stuck(self, pending: Pending) -> bool:
        """Whether it waits for a target that is not there."""
        return self._address is None and pending.number not in self._sent

    async def close(self) -> None:
        """Fail all that is outstanding and stop sending."""
        reason = "this process closed its links"
        self._fail(self._queue, lambda pending: self._unavailable(pending, reason))
        self._fail(self._sent.values(), lambda pending: self._unknown(pending, reason))
        self._queue.clear()
        self._sent.clear()
        tasks = [task for task in (self._sender, self._collector, *self._fetches) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._leave()

    def _wake_sender(self) -> None:
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        try:
            while self._queue or self._cancelled:
                await self._send_batch()
        finally:
            self._sender = None

    async def _send_batch(self) -> None:
        address = await self._reach()
        batch = self._take_batch()
        cancelled, self._cancelled = tuple(self._cancelled), []
        if address is None or not (batch or cancelled):
            return
        await self._exchange(address, Mail(self._caller, None, [pending.blob for pending in batch], cancelled))
        if self._sent and self._collector is None and self._address is not None:
            self._collector = asyncio.create_task(self._collect_all(self._address))

    async def _exchange(self, address: Address, mail: Mail) -> None:
        try:
            reply = await address.mail(mail)
        except Exception as error:  # ActorGoneError, or a defect of the engine: in both cases the outcome is unknown
            self._lose(error)
            return
        if reply.greeting is not None and reply.greeting != self._greeting:
            self._refuse(reply.greeting)
        self._deliver(reply.blobs)

    async def _reach(self) -> Address | None:
        """Where the target is, once it is there; None when nothing waits for it any more."""
        gone_at, pause = asyncio.get_running_loop().time(), TRY_AGAIN_S
        while not await self._is_there():
            self._drop_overdue(gone_at)
            if not self._queue:
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        return self._address

    async def _is_there(self) -> bool:
        """Whether the target was heard of a moment ago, or answers a greeting: what is sent to the dead is lost."""
        if self._address is None:
            self._address, self._heard_at = await self._find(), -math.inf
        if self._address is None:
            return False
        if self._collector is not None or asyncio.get_running_loop().time() - self._heard_at < FRESH_S:
            return True
        await self._exchange(self._address, Mail(self._caller, self._greeting, []))
        return self._address is not None

    async def _find(self) -> Address | None:
        try:
            return await self._engine.find(self._target)
        except Exception as error:  # the engine's own trouble: it may pass
            logger.warning("cannot look for %s: %s", self._target, error)
            return None

    def _drop_overdue(self, gone_at: float) -> None:
        """Of what waits for a target that is gone, keep what is wanted and has not waited for too long."""
        now, patience_s = asyncio.get_running_loop().time(), self._patience_s
        waiting = [pending for pending in self._queue if pending.is_wanted]
        overdue = {pending for pending in waiting if now - max(gone_at, pending.queued_at) > patience_s}
        self._queue = deque(pending for pending in waiting if pending not in overdue)
        self._fail(overdue, lambda pending: self._unavailable(pending, f"no such actor was alive for {patience_s:g} s"))

    def _take_batch(self) -> list[Pending]:
        batch: list[Pending] = []
        size = 0
        while self._queue and (not batch or size + size_of(self._queue[0].blob) <= LARGE_BYTES):
            pending = self._queue.popleft()
            if pending.is_wanted:
                size += size_of(pending.blob)
                batch.append(pending)
        self._sent |= {pending.number: pending for pending in batch if pending.number is not None}
        return batch

    async def _collect_all(self, address: Address) -> None:
        try:
            while self._sent:
                self._deliver(await address.collect(self._caller, COLLECT_WAIT_S))
        except Exception as error:  # as for mail
            self._lose(error)
        else:
            self._collector = None

    def _deliver(self, blobs: Iterable[Blob]) -> None:
        self._heard_at = asyncio.get_running_loop().time()
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
            lost = f"{self._target} answered, but its answer was lost before it was here: {type(error).__name__}: {error}"
            content = Answer(None, OutcomeUnknownError(lost, self._target))
        self._settle(number, content)

    def _settle(self, number: int, content: Any) -> None:  # a blob's content
        try:
            answer = unwrap(Answer, content)
        except Exception as error:  # whatever pickle raises: the answer cannot be read here
            answer = Answer(None, UnexpectedError.of(error))
        if (pending := self._sent.pop(number, None)) is not None:
            pending.end(answer)

    def _lose(self, error: Exception) -> None:
        logger.info("lost %s: %s", self._target, error)
        self._leave()
        if self._collector is not None:
            self._collector.cancel()
            self._collector = None
        sent, self._sent = self._sent, {}
        self._cancelled.clear()
        self._fail(sent.values(), lambda pending: self._unknown(pending, str(error)))

    def _leave(self) -> None:
        if self._address is not None:
            self._address.leave()
            self._address = None

    def _refuse(self, theirs: Greeting) -> None:
        ours = self._greeting
        reason = f"{self._target} runs polaris-llm {theirs.package} (wire {theirs.wire}), this process {ours.package} (wire {ours.wire})"
        self._leave()
        waiting, self._queue = self._queue, deque()
        self._fail(waiting, lambda pending: VersionMismatchError(f"{reason}: install the same version on both", self._target))

    def _fail(self, failed: Iterable[Pending], error_for: Callable[[Pending], LLMIntegrationError]) -> None:
        for pending in failed:
            pending.end(Answer(None, error_for(pending)))

    def _unknown(self, pending: Pending, reason: str) -> LLMIntegrationError:
        return OutcomeUnknownError(f"{self._target} may or may not have done {pending.method}: {reason}", self._target)

    def _unavailable(self, pending: Pending, reason: str) -> LLMIntegrationError:
        return ActorUnavailableError(f"{pending.method} was not sent to {self._target}: {reason}", self._target)
