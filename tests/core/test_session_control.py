"""What people do to a run under way: speak, pause, consent, cancel. And what may not happen at all."""

import pytest

from polaris_llm.core.commands import AskApproval, CallModel, EndRun, RunTool
from polaris_llm.core.events import ApprovalGiven, ApprovalRequested, Event, ModelFailed, Paused, Resumed, RunEnded, ToolStarted
from polaris_llm.core.exceptions import ErrorRecord, IllegalEventError
from polaris_llm.core.parts import ToolCallPart, ToolResultPart
from polaris_llm.core.runs import RunStatus
from polaris_llm.core.session import Session
from polaris_llm.core.session_state import Phase
from support.sessions import NOW, a_session, a_spec, a_start, answer_of, calls, completed, heard, responded, said

ASK_CALL = ToolCallPart(call_id="a", name="ask", arguments={})
PAUSED, RESUMED = Paused(reason="lunch", at=NOW), Resumed(reason="lunch", at=NOW)
ASKED = ApprovalRequested(call_id="a", at=NOW)
YES, NO = (ApprovalGiven(call_id="a", approved=approved, reason="because", at=NOW) for approved in (True, False))


def ended(status: RunStatus = "cancelled", run_id: str = "run-1") -> RunEnded:
    """The event that ends a run."""
    return RunEnded(run_id=run_id, status=status, at=NOW)


def kinds(commands: tuple[object, ...]) -> list[type]:
    """The types of the commands."""
    return [type(command) for command in commands]


def texts(session: Session) -> list[str]:
    """The texts of the history."""
    return [message.text for message in session.state.messages]


def test_a_message_during_the_last_answer_gets_an_answer_of_its_own() -> None:
    session = a_session(heard("and in Kelvin?"))

    (command,) = session.receive(responded(1, said("20 degrees")))

    assert isinstance(command, CallModel)
    assert [message.text for message in command.request.messages] == ["find the answer", "20 degrees", "and in Kelvin?"]


def test_a_message_during_tools_follows_their_results() -> None:
    session = a_session(responded(1, calls("a:look")), heard("hurry"), completed("a"))

    assert [message.role for message in session.state.messages] == ["user", "assistant", "tool", "user"]


def test_messages_keep_their_order() -> None:
    session = a_session(heard("one"), heard("two"), responded(1, said("ok")))

    assert texts(session) == ["find the answer", "ok", "one", "two"]


def test_a_message_that_no_step_is_left_for_stays_in_the_history_and_so_does_the_answer() -> None:
    session = a_session(heard("and in Kelvin?"), spec=a_spec(max_steps=1))

    (command,) = session.receive(responded(1, said("20 degrees")))
    assert isinstance(command, EndRun)
    assert (command.status, command.result) == ("max_iterations", "20 degrees")

    session.receive(ended("max_iterations"))
    assert texts(session) == ["find the answer", "20 degrees", "and in Kelvin?"]


def test_a_message_before_a_cancel_stays_in_the_history() -> None:
    session = a_session(responded(1, calls("a:look")), heard("stop it"), ended())

    assert [message.role for message in session.state.messages[-2:]] == ["tool", "user"]


def test_a_cancelled_run_answers_the_calls_it_leaves_open() -> None:
    session = a_session(responded(1, calls("a:look", "b:fetch", "c:launch")), completed("b", 7), ended())

    reason = "no result: the run ended as cancelled"
    assert session.state.phase is Phase.IDLE
    assert session.state.messages[-1].parts == (
        ToolResultPart(call_id="a", name="look", content=reason, is_error=True),
        ToolResultPart(call_id="b", name="fetch", content=7),
        ToolResultPart(call_id="c", name="launch", content=reason, is_error=True),
    )


def test_a_call_that_needs_consent_asks_for_it_while_the_others_run() -> None:
    commands = a_session().receive(responded(1, calls("a:ask", "b:look")))

    assert kinds(commands) == [AskApproval, RunTool]
    assert commands[0] == AskApproval(call=ASK_CALL)


def test_a_call_with_consent_is_run() -> None:
    session = a_session(responded(1, calls("a:ask")), ASKED)

    (command,) = session.receive(YES)

    assert isinstance(command, RunTool)
    assert command.call == ASK_CALL


def test_a_call_without_consent_is_not_run_and_the_model_is_told_why() -> None:
    session = a_session(responded(1, calls("a:ask")), ASKED)

    (command,) = session.receive(NO)

    assert isinstance(command, CallModel)
    assert command.request.messages[-1].parts == (ToolResultPart(call_id="a", name="ask", content="not approved: because", is_error=True),)


def test_a_replayed_session_asks_for_consent_once() -> None:
    before, after = a_session(responded(1, calls("a:ask"))), a_session(responded(1, calls("a:ask")), ASKED)

    assert kinds(before.pending()) == [AskApproval]
    assert after.pending() == ()


def test_consent_that_nobody_asked_for_is_illegal() -> None:
    with pytest.raises(IllegalEventError, match="call 'a' is unapproved"):
        a_session(responded(1, calls("a:ask"))).receive(YES)


def test_a_paused_run_finishes_its_step_and_takes_no_new_one() -> None:
    session = a_session(responded(1, calls("a:look")), PAUSED)

    assert session.receive(completed("a")) == ()
    assert session.pending() == ()


def test_what_a_pause_withheld_is_done_on_resuming() -> None:
    tools = a_session(PAUSED, responded(1, calls("a:look", "b:ask")))
    model = a_session(responded(1, calls("a:look")), PAUSED, completed("a"))

    assert kinds(tools.receive(RESUMED)) == [RunTool, AskApproval]
    assert kinds(model.receive(RESUMED)) == [CallModel]


def test_what_is_under_way_is_not_done_again_on_resuming() -> None:
    assert a_session(PAUSED).receive(RESUMED) == ()
    assert a_session(responded(1, calls("a:look")), PAUSED).receive(RESUMED) == ()


def test_a_run_goes_on_when_the_last_reason_to_pause_is_gone() -> None:
    other = Paused(reason="budget", at=NOW)
    session = a_session(PAUSED, other, responded(1, calls("a:look")))

    assert session.receive(RESUMED) == ()
    assert kinds(session.receive(Resumed(reason="budget", at=NOW))) == [RunTool]


def test_a_pause_does_not_hold_up_the_end() -> None:
    assert kinds(a_session(PAUSED).receive(responded(1, said("42")))) == [EndRun]


def test_consent_during_a_pause_waits_for_its_end() -> None:
    session = a_session(PAUSED, responded(1, calls("a:ask")), ASKED)

    assert session.receive(YES) == ()
    assert kinds(session.receive(RESUMED)) == [RunTool]


def test_a_step_that_a_crash_interrupted_is_taken_up_again_during_a_pause() -> None:
    assert kinds(a_session(PAUSED).pending()) == [CallModel]
    assert kinds(a_session(responded(1, calls("a:look")), PAUSED).pending()) == [RunTool]


def test_a_pause_ends_with_its_run() -> None:
    session = a_session(PAUSED, responded(1, calls("a:look")), ended())

    assert kinds(session.receive(a_start(run_id="run-2"))) == [CallModel]


ACTING = (responded(1, calls("a:ask", "b:look", "c:launch")),)
FAILED = ModelFailed(step=1, error=ErrorRecord.of(ValueError("x")), at=NOW)


@pytest.mark.parametrize(
    ("before", "event", "reason"),
    [
        ((), a_start(run_id="run-2"), "run_started may not happen while the session is thinking"),
        ((), completed("a"), "tool_completed may not happen while the session is thinking"),
        ((), responded(2, said("x")), "the present step is 1, not 2"),
        ((), ended(run_id="run-9"), "the run under way is run-1, not run-9"),
        ((), RESUMED, "not paused: lunch"),
        ((PAUSED,), PAUSED, "already paused: lunch"),
        (ACTING, responded(1, said("x")), "model_responded may not happen while the session is acting"),
        (ACTING, FAILED, "model_failed may not happen while the session is acting"),
        (ACTING, completed("z"), "no call 'z' in this step"),
        (ACTING, completed("a"), "call 'a' is unapproved"),
        (ACTING, ApprovalRequested(call_id="b", at=NOW), "call 'b' is ready"),
        (ACTING, ToolStarted(call_id="a", at=NOW), "call 'a' is unapproved"),
        ((*ACTING, completed("b")), completed("b"), "call 'b' is done"),
        ((*ACTING, ToolStarted(call_id="c", at=NOW)), ToolStarted(call_id="c", at=NOW), "call 'c' is started"),
        ((responded(1, said("x")),), heard("wait"), "message_received may not happen while the session is ending"),
        ((responded(1, said("x")),), PAUSED, "paused may not happen while the session is ending"),
        ((ended(),), heard("hello?"), "message_received may not happen while the session is idle"),
        ((ended(),), ended(), "run_ended may not happen while the session is idle"),
    ],
)
def test_an_illegal_event_is_refused_with_its_reason_and_changes_nothing(before: tuple[Event, ...], event: Event, reason: str) -> None:
    session = a_session(*before)
    state, seq = session.state, session.seq

    with pytest.raises(IllegalEventError, match=reason) as caught:
        session.receive(event)

    assert (session.state, session.seq) == (state, seq)
    assert caught.value.session_id == "session"


def test_every_event_but_a_start_is_illegal_in_a_new_session() -> None:
    for event in (heard("x"), responded(1, answer_of()), completed("a"), ended(), PAUSED, RESUMED, FAILED, YES, ASKED):
        with pytest.raises(IllegalEventError):
            Session("session").receive(event)
