"""What holds in every session, whatever happens in it, in whatever order."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.commands import AskApproval, CallModel, Command, EndRun, GiveUpTool, RunTool
from polaris_llm.core.events import (
    ApprovalGiven,
    ApprovalRequested,
    Event,
    ModelFailed,
    Paused,
    Resumed,
    RunEnded,
    RunStarted,
    ToolStarted,
    event_from_json,
    event_to_json,
)
from polaris_llm.core.exceptions import ErrorRecord, IllegalEventError
from polaris_llm.core.inference import FinishReason
from polaris_llm.core.parts import ToolCallPart, ToolResultPart
from polaris_llm.core.session import Session
from polaris_llm.core.session_state import Phase
from support.session_values import values
from support.sessions import NOW, TOOLS, a_spec, a_start, answer_of, calls, completed, heard, responded, said

ANSWERS = [
    said("42"),
    said(""),
    said("I can", finish_reason=FinishReason.REFUSAL),
    said('{"name": "Ada"}', cached=True),
    said('{"name": "Ad', finish_reason=FinishReason.LENGTH),
    said('{"action": "use_tool", "tool_name": "look", "parameters": {}}'),
    said('{"action": "use_tool", "tool_name": "ask", "parameters": 3}'),
    said('{"action": "final_answer", "result": {"name": "Ada"}}'),
    answer_of(ToolCallPart(call_id="a", name="look", arguments={}, malformed="{")),
    *(calls(*wanted.split()) for wanted in ("a:look", "a:ask", "a:launch a:ask", "b:nowhere", "a:look a:fetch a.2:look", "call:ask a:ask")),
]
SPECS = [
    a_spec(tools=tools, protocol=protocol, result_schema=schema, **limits)
    for tools in (TOOLS, TOOLS, TOOLS[:1], ())
    for protocol in ("native", "json")
    for schema in (None, {"type": "object", "required": ["name"]})
    for limits in ({}, {"max_steps": 20, "max_repairs": 9}, {"max_steps": 2, "max_repairs": 0}, {"max_tokens": 30}, {"max_steps": 0})
]
TALK = [heard("hurry"), heard("and why?")]
PAUSING = [event(reason=reason, at=NOW) for event in (Paused, Resumed) for reason in ("lunch", "budget")]
STARTS = [a_start(spec, run_id) for spec in SPECS for run_id in ("run-1", "run-2")]


def next_events(session: Session) -> list[Sequence[Event]]:
    """What may well happen next, in sorts; the likelier ones stand there several times."""
    match session.state.phase:
        case Phase.IDLE:
            return [STARTS, STARTS, TALK]
        case Phase.THINKING:
            step = session.state.active_run.step
            failed = ModelFailed(step=step, error=ErrorRecord.of(ValueError("x")), at=NOW)
            answers = [responded(step, answer) for answer in ANSWERS]
            return [*[answers] * 6, TALK, PAUSING, PAUSING, [failed, ended(session)]]
        case Phase.ACTING:
            call_ids = [call.call.call_id for call in session.state.calls]
            results = [completed(call_id) for call_id in call_ids]
            asked = [ApprovalRequested(call_id=call_id, at=NOW) for call_id in call_ids]
            decided = [ApprovalGiven(call_id=call_id, approved=yes, at=NOW) for call_id in call_ids for yes in (True, False)]
            started = [ToolStarted(call_id=call_id, at=NOW) for call_id in call_ids]
            return [*(results, asked, decided) * 3, started, TALK, PAUSING, PAUSING, [ended(session)]]
        case Phase.ENDING:
            return [[ended(session)], [ended(session)], TALK]


def ended(session: Session) -> RunEnded:
    """The end of the run under way."""
    return session.ended("cancelled", NOW)


def key_of(session: Session, command: Command) -> tuple[Any, ...]:
    """What makes a command the same as another."""
    run_id = session.state.active_run.run_id
    match command:
        case CallModel(step=step):
            return CallModel, run_id, step
        case RunTool(call=call) | GiveUpTool(call=call):
            return RunTool, run_id, call.call_id
        case AskApproval(call=call):
            return AskApproval, run_id, call.call_id
        case EndRun():
            return EndRun, run_id


@dataclass
class Story:
    """A session in which many things happened, with its log and all the commands it gave."""

    session: Session = field(default_factory=lambda: Session("session"))
    log: list[Event] = field(default_factory=list)
    given: Counter[tuple[Any, ...]] = field(default_factory=Counter)

    def happen(self, new: Event) -> bool:
        """Whether the event may happen; if so, it does."""
        state, seq = self.session.state, self.session.seq
        try:
            commands = self.session.receive(new)
        except IllegalEventError:
            assert (self.session.state, self.session.seq) == (state, seq)
            return False
        if isinstance(new, RunStarted):
            self.given.clear()
        self.log.append(new)
        self.given.update(key_of(self.session, command) for command in commands)
        return True

    def check(self) -> None:
        """What holds after every event."""
        assert self.session.seq == len(self.log)
        assert self.session.state.withheld <= bool(self.session.state.pauses)
        assert max(self.given.values(), default=0) <= 1, "a command was given twice"
        wanted = {key_of(self.session, command) for command in self.session.pending()}
        assert wanted <= self.given.keys(), "a command was never given"


def tell(first: RunStarted, dice: list[tuple[int, int]]) -> Story:
    """The story that the dice tell: each throw says which sort of event comes next, and which one of it."""
    story = Story()
    assert story.happen(first)
    for sort, which in dice:
        sorts = next_events(story.session)
        events = sorts[sort % len(sorts)]
        story.happen(events[which % len(events)])
        story.check()
    return story


STORIES = st.builds(tell, st.sampled_from(STARTS), st.lists(st.tuples(st.integers(0, 839), st.integers(0, 719)), max_size=40))


@given(STORIES)
def test_a_replayed_log_is_the_session_that_wrote_it(story: Story) -> None:
    assert Session.replay("session", story.log) == story.session


@given(STORIES)
def test_a_log_that_was_json_in_between_is_still_that_session(story: Story) -> None:
    assert Session.replay("session", [event_from_json(event_to_json(each)) for each in story.log]) == story.session


@given(STORIES, st.data())
def test_every_beginning_of_a_log_can_be_replayed_and_gone_on_from(story: Story, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(story.log)))
    session = Session.replay("session", story.log[:cut])

    for each in story.log[cut:]:
        session.receive(each)

    assert session == story.session


@given(STORIES, st.lists(values(Event), max_size=5))
def test_any_event_at_all_is_taken_or_refused_and_then_changes_nothing(story: Story, events: list[Event]) -> None:
    for each in events:
        story.happen(each)

    assert Session.replay("session", story.log) == story.session


@given(STORIES)
def test_every_call_in_the_history_has_an_id_and_a_result_of_its_own(story: Story) -> None:
    messages = story.session.state.messages
    parts = [part for message in messages for part in message.parts]
    wanted = [part.call_id for part in parts if isinstance(part, ToolCallPart)]
    answered = [part.call_id for part in parts if isinstance(part, ToolResultPart)]
    unanswered = len(messages[-1].tool_calls) if story.session.state.phase is Phase.ACTING else 0

    assert len(set(wanted)) == len(wanted)
    assert answered == wanted[: len(wanted) - unanswered]


@given(STORIES)
def test_results_follow_right_after_their_calls_and_no_message_is_empty(story: Story) -> None:
    messages = story.session.state.messages

    assert all(message.parts for message in messages)
    for before, after in pairwise(messages):
        assert bool(before.tool_calls) == (after.role == "tool")


@given(STORIES)
def test_every_message_is_in_the_history_or_waits_for_the_next_step(story: Story) -> None:
    heard_messages = [each.message for each in story.log if each.kind == "message_received"]
    known = [message for message in (*story.session.state.messages, *story.session.state.unseen) if message.text in ("hurry", "and why?")]

    assert known == heard_messages


@given(STORIES)
def test_a_run_takes_no_more_steps_than_it_may(story: Story) -> None:
    run = story.session.state.active_run

    assert run.step <= max(0, run.spec.limits.max_steps)
    assert run.repairs <= run.spec.limits.max_repairs
