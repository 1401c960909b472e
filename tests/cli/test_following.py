"""Following a run: to its end, or until nobody waits for it any more; and who consents to its tool calls meanwhile."""

from collections.abc import Iterator

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.cli.following import consent_of, followed
from polaris_llm.core.events import ApprovalRequested, Event
from support.runtime_access import new_id, started
from support.runtime_model import answer, call, plan
from support.runtime_tools import DEADLINE_S

REBOOT = plan(call("reboot", server="a"), {"results": True})


@pytest.fixture
def runtime() -> Iterator[LLMRuntime]:
    with started() as runtime:
        yield runtime


def test_a_run_is_told_to_its_end(runtime: LLMRuntime) -> None:
    session, told = runtime.submit(plan(answer("done"))), list[Event]()

    ended = followed(session, DEADLINE_S, told.append, "no")

    assert (ended.result, told[-1], [event.kind for event in told]) == ("done", ended, ["run_started", "model_responded", "run_ended"])


def test_a_later_run_of_the_session_is_told_from_where_the_earlier_ended(runtime: LLMRuntime) -> None:
    session, told = runtime.submit(plan(answer("one"))), list[Event]()
    followed(session, DEADLINE_S, told.append, "no")
    session.send(plan(answer("two")))

    assert followed(session, DEADLINE_S, told.append, "no", after=len(told)).result == "two"


def test_a_run_that_nobody_waits_for_any_more_is_cancelled(runtime: LLMRuntime) -> None:
    session = runtime.submit(plan(call("wait_at", gate=new_id())), tools=["wait_at"])

    def leave(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        followed(session, DEADLINE_S, leave, "no")
    assert session.result(DEADLINE_S).status == "cancelled"


def test_consent_may_be_left_to_others_who_are_connected(runtime: LLMRuntime) -> None:
    session = runtime.submit(REBOOT, tools=["reboot"])

    def consent_elsewhere(event: Event) -> None:
        if isinstance(event, ApprovalRequested):
            runtime.session(session.session_id).approve(event.call_id)

    assert followed(session, DEADLINE_S, consent_elsewhere, "leave").result == '["a is back"]'


def test_whoever_is_not_at_a_terminal_consents_beforehand_or_not_at_all() -> None:
    assert [consent_of(True, is_shared=False), consent_of(False, is_shared=False), consent_of(False, is_shared=True)] == [
        "yes",
        "no",
        "leave",
    ]
