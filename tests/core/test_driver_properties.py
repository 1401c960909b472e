"""Whatever models, tools, journals and people do to a driven run, it ends exactly once."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polaris_llm.core.call_context import CallContext
from polaris_llm.core.events import ApprovalGiven, Event, Paused, Resumed, RunEnded, outcome_of
from polaris_llm.core.exceptions import IllegalEventError, LLMTimeoutError, OutcomeUnknownError, UnexpectedError
from polaris_llm.core.inference import FinishReason
from polaris_llm.core.parts import ToolCallPart
from polaris_llm.core.runs import RunOutcome
from polaris_llm.core.session import Session
from support.sessions import NOW, PATIENCE_S, Deed, FakeJournal, World, a_spec, a_world, answer_of, calls, hang, heard, results_in, said

pytestmark = pytest.mark.anyio
LOST = OutcomeUnknownError("the actor died", "provider")


def lost_once(call: CallContext) -> Any:
    """What a port does that loses the first try only."""
    return LOST if call.attempt == 1 else said("42") if call.call_id == f"run-1.{call.step}" else "ok"


def hanging(call: CallContext) -> Any:
    """What a port does that never answers."""
    return hang()


TOOL_DEEDS: Sequence[Deed] = ["ok", {"n": [1]}, LLMTimeoutError("slow"), ValueError("odd"), LOST, lost_once, hanging]
MODEL_DEEDS: Sequence[Deed] = [
    said("42"),
    said(""),
    said('{"action": "use_tool", "tool_name": "fetch", "parameters": {}}'),
    said('{"action": "final_answer", "resu'),
    said("half", finish_reason=FinishReason.LENGTH),
    said("no", finish_reason=FinishReason.CONTENT_FILTER),
    answer_of(ToolCallPart(call_id="a", name="look", arguments={}, malformed="{")),
    *(calls(*wanted.split()) for wanted in ("a:look a:look", "a:fetch a:launch", "b:launch b:nothing", "a:ask c:look", "a:fetch")),
    LLMTimeoutError("slow"),
    ValueError("odd"),
    LOST,
    lost_once,
    hanging,
]
OUTSIDE: Sequence[Event | None] = [
    heard("hurry"),
    Paused(reason="lunch", at=NOW),
    Resumed(reason="lunch", at=NOW),
    *(ApprovalGiven(call_id=call_id, approved=yes, at=NOW) for call_id in ("a", "a.2") for yes in (True, False)),
    None,
]
"""What comes from outside; None is a cancel."""
SCRIPTS = st.lists(st.sampled_from(MODEL_DEEDS[:12]), max_size=4).flatmap(
    lambda begun: st.sampled_from(MODEL_DEEDS).map(lambda last: [*begun, last])
)
MEDDLING = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(OUTSIDE)), max_size=4)


async def meddle(world: World, acts: list[tuple[int, Event | None]]) -> None:
    """Interfere from outside, each time after some turns of the event loop."""
    for turns, act in acts:
        for _ in range(turns):
            await asyncio.sleep(0)
        with suppress(IllegalEventError, UnexpectedError):  # the run may be over, or its journal gone
            world.driver.end("cancelled") if act is None else world.driver.receive(act)


@settings(max_examples=300, deadline=None)
@given(
    script=SCRIPTS,
    deeds=st.fixed_dictionaries({name: st.sampled_from(TOOL_DEEDS) for name in ("look", "fetch", "launch", "ask")}),
    acts=MEDDLING,
    protocol=st.sampled_from(["native", "json"]),
    fail_at=st.none() | st.none() | st.integers(1, 8),
)
async def test_every_run_ends_exactly_once_whatever_happens(
    script: list[Deed], deeds: dict[str, Deed], acts: list[tuple[int, Event | None]], protocol: str, fail_at: int | None
) -> None:
    tasks = asyncio.all_tasks()
    spec = a_spec(protocol=protocol, deadline_s=0.02, max_steps=6)
    world = await a_world(*script, spec=spec, deeds=deeds, journal=FakeJournal(fail_at=fail_at))
    meddling = asyncio.create_task(meddle(world, acts))

    (end,) = await asyncio.gather(world.run(), return_exceptions=True)

    if isinstance(end, RunOutcome):
        assert world.journal.kinds().count("run_ended") == 1
        ended = world.journal.log[-1]
        assert isinstance(ended, RunEnded)
        assert end == outcome_of("session", ended)
        assert (end.error is None) == (end.status in ("completed", "cancelled"))
        assert Session.replay("session", world.journal.log) == world.session
        wanted = [call.call_id for message in world.session.state.messages for call in message.tool_calls]
        assert wanted == list(results_in(world.session))
    else:
        assert fail_at is not None
        assert isinstance(end, UnexpectedError)
        assert str(end) == "OSError: disk full"
        assert "run_ended" not in world.journal.kinds()
    await meddling
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(asyncio.all_tasks() - tasks), return_exceptions=True)
