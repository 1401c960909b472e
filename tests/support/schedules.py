"""Random schedules of messages, cancellations, deaths and pauses, and the actor that they are played to."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Literal, cast

from hypothesis import strategies

from polaris_llm.actors.inline_engine import InlineEngine
from polaris_llm.actors.links import Links
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import LLMToolError

from .actors import GREETING

LARGE = 100_000


class WitnessEngine(InlineEngine):
    """An inline engine that remembers what its actors began to do, whichever incarnation it was."""

    def __init__(self, *, pickles: bool) -> None:
        super().__init__(GREETING, pickles=pickles)
        self.begun: Counter[int] = Counter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """An ask or a tell; what the worker is to do, and for how long."""

    caller: int
    is_tell: bool
    method: Literal["answer", "answer_later", "fail", "break_down"]
    work_s: float
    remaining_s: float
    weight: int


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel an earlier ask."""

    index: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Let time pass; nothing but one turn of the loop if it is 0."""

    seconds: float


Step = Send | Cancel | Pause | Literal["death", "birth"]

SENDS = strategies.builds(
    Send,
    caller=strategies.integers(0, 1),
    is_tell=strategies.sampled_from([False, False, False, True]),
    method=strategies.sampled_from(["answer", "answer_later", "answer_later", "fail", "break_down"]),
    work_s=strategies.sampled_from([0.0, 0.01, 1.0, 40.0]),
    remaining_s=strategies.sampled_from([0.0, 0.01, 0.5, 30.0]),
    weight=strategies.sampled_from([1, 1, 1, 40_000, LARGE]),
)
STEPS = strategies.one_of(
    SENDS,
    SENDS,
    SENDS,
    strategies.builds(Cancel, strategies.integers(0, 30)),
    strategies.builds(Pause, strategies.sampled_from([0.0, 0.0, 0.001, 0.3, 10.0])),
    strategies.sampled_from(["death", "birth"]),
)
SCHEDULES = strategies.lists(STEPS, max_size=40)


class Worker:
    """Does what it is asked, and tells its engine that it began."""

    def __init__(self, links: Links) -> None:
        self._begun = cast(WitnessEngine, links.engine).begun

    def answer(self, call: CallContext, number: int, work_s: float, load: bytes) -> tuple[int, bytes]:
        """The question, at once."""
        self._begun[number] += 1
        return number, load

    async def answer_later(self, call: CallContext, number: int, work_s: float, load: bytes) -> tuple[int, bytes]:
        """The question, when the work is done."""
        self._begun[number] += 1
        await asyncio.sleep(work_s)
        return number, load

    async def fail(self, call: CallContext, number: int, work_s: float, load: bytes) -> None:
        """An error that names the question."""
        await self.answer_later(call, number, work_s, load)
        raise LLMToolError(f"question {number}")

    def break_down(self, call: CallContext, number: int, work_s: float, load: bytes) -> None:
        """A foreign error that names the question."""
        self._begun[number] += 1
        raise ValueError(number)
