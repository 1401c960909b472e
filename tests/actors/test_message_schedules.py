"""Whatever happens to messages, in whatever order: every ask ends once, with its own answer or a typed error."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings, strategies

from polaris_llm.actors.engine import ActorSpec
from polaris_llm.actors.links import Links
from polaris_llm.actors.mailbox import HEALTH
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import (
    ActorUnavailableError,
    DeadlineExceededError,
    LLMToolError,
    OutcomeUnknownError,
    OverloadedError,
    UnexpectedError,
)
from support.actors import GREETING
from support.instant_loop import run_instantly
from support.schedules import SCHEDULES, Cancel, Pause, Send, Step, WitnessEngine


@dataclass(slots=True)
class Asked:
    """An ask that was made, and what came of it."""

    number: int
    send: Send
    task: asyncio.Task[object]
    is_cancelled: bool = False


class Player:
    """Plays a schedule to a worker; two callers of the same name ask."""

    def __init__(self, *, pickles: bool, capacity: int) -> None:
        self.engine = WitnessEngine(pickles=pickles)
        self.spec = ActorSpec(name="worker", factory="support.schedules:Worker", capacity=capacity)
        self.callers = [Links(self.engine, "caller", GREETING, timeout_s=20.0) for _ in range(2)]
        self.asked: list[Asked] = []
        self.told: list[int] = []
        self.deaths = 0

    @property
    def is_crowded(self) -> bool:
        """Whether the worker may have been asked for more than it has room for."""
        return len(self.asked) + len(self.told) > self.spec.capacity

    async def play(self, schedule: Sequence[Step]) -> None:
        """Take all steps, then wait until all is over."""
        await self.engine.create(self.spec)
        for number, step in enumerate(schedule):
            await self._take(number, step)
        await self.engine.create(self.spec)
        await asyncio.sleep(100)

    async def close(self) -> None:
        """End everything."""
        for caller in self.callers:
            await caller.close()
        await self.engine.stop("worker")

    async def _take(self, number: int, step: Step) -> None:
        match step:
            case Send():
                self._send(number, step)
            case Cancel(index) if index < len(self.asked):
                self.asked[index].is_cancelled = self.asked[index].task.cancel() or self.asked[index].is_cancelled
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case "death":
                self.deaths += 1
                await self.engine.stop("worker")
            case "birth":
                await self.engine.create(self.spec)

    def _send(self, number: int, send: Send) -> None:
        link, call = self.callers[send.caller].to("worker"), CallContext(remaining_s=send.remaining_s)
        arguments = number, send.work_s, bytes(send.weight)
        if send.is_tell:
            link.tell(send.method, call, *arguments)
            self.told.append(number)
        else:
            task = asyncio.create_task(link.ask(send.method, call, *arguments))
            self.asked.append(Asked(number, send, task))


def _check(asked: Asked, player: Player) -> None:
    begun = player.engine.begun[asked.number]
    assert begun <= 1
    if asked.task.cancelled():
        assert asked.is_cancelled
        return
    match asked.task.exception() or asked.task.result():
        case (number, load):
            assert (number, load) == (asked.number, bytes(asked.send.weight))
            assert begun == 1
        case LLMToolError(message=message):
            assert (asked.send.method, message, begun) == ("fail", f"question {asked.number}", 1)
        case UnexpectedError(message=message):
            assert (asked.send.method, message, begun) == ("break_down", f"ValueError: {asked.number}", 1)
        case ActorUnavailableError():
            assert player.deaths
            assert begun == 0
        case OverloadedError():
            assert player.is_crowded
            assert begun == 0
        case OutcomeUnknownError():
            assert player.deaths
        case DeadlineExceededError():
            assert asked.send.remaining_s < 30 or asked.send.work_s > 30 or player.deaths or player.is_crowded
        case other:
            pytest.fail(f"ask {asked.number} ended as {other!r}")


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    """Foreign errors are logged with their traceback, and there are many here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@given(schedule=SCHEDULES, pickles=strategies.booleans(), capacity=strategies.sampled_from([2, 1000]))
@settings(deadline=None, max_examples=150)
def test_every_ask_ends_once_with_its_own_answer_or_a_typed_error(schedule: list[Step], pickles: bool, capacity: int) -> None:
    async def scene() -> None:
        player = Player(pickles=pickles, capacity=capacity)
        await player.play(schedule)

        assert all(asked.task.done() for asked in player.asked)
        for asked in player.asked:
            _check(asked, player)
        for number in player.told:
            assert player.engine.begun[number] == 1 or (player.engine.begun[number] == 0 and (player.deaths or player.is_crowded))
        for caller in player.callers:
            assert caller.to("worker").outstanding == 0
            assert (await caller.to("worker").ask(HEALTH, CallContext()))["in_hand"] == 0
        await player.close()

    run_instantly(scene())
