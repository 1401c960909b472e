"""The session machine: what it asks for after each event, and what it writes into the history."""

from dataclasses import replace

import pytest

from polaris_llm.core.commands import CallModel, Command, EndRun, GiveUpTool, RunTool
from polaris_llm.core.events import RunEnded, ToolStarted
from polaris_llm.core.inference import CachePolicy, FinishReason, ModelResponse
from polaris_llm.core.parts import ModelMessage, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart, text_message
from polaris_llm.core.pricing import COST
from polaris_llm.core.session import Session
from polaris_llm.core.session_state import Phase
from support.sessions import FETCH, LAUNCH, LOOK, NOW, a_session, a_spec, a_start, answer_of, calls, completed, responded, said


def asked(commands: tuple[Command, ...]) -> CallModel:
    """The one command, which asks the model."""
    (command,) = commands
    assert isinstance(command, CallModel), f"{command} does not ask the model"
    return command


def run_ids(commands: tuple[Command, ...]) -> list[str]:
    """The ids of the calls to run; no other command is there."""
    assert all(isinstance(command, RunTool) for command in commands), f"{commands} do more than run tools"
    return [command.call.call_id for command in commands if isinstance(command, RunTool)]


def results_of(message: ModelMessage) -> dict[str, Part]:
    """The results of a tool message by call id."""
    assert message.role == "tool"
    return {part.call_id: part for part in message.parts if isinstance(part, ToolResultPart)}


def test_a_run_begins_by_asking_the_model() -> None:
    history = (text_message("user", "earlier"), text_message("assistant", "indeed"))
    session = Session("session")

    command = asked(session.receive(a_start(a_spec(system="be brief", history=history))))

    assert (command.step, command.request.request_id) == (1, "run-1.1")
    assert command.request.messages == (text_message("system", "be brief"), *history, text_message("user", "find the answer"))
    assert session.state.phase is Phase.THINKING


def test_the_request_carries_what_the_run_asks_for() -> None:
    cache = CachePolicy(mode="refresh")
    spec = a_spec(
        model="m",
        temperature=0.7,
        max_output_tokens=99,
        seed=5,
        extras={"x": 1},
        cache=cache,
        metadata={"who": "me"},
        result_schema={"type": "object"},
    )

    request = asked(a_session(spec=spec).pending()).request

    assert (request.model, request.temperature, request.max_tokens, request.seed) == ("m", 0.7, 99, 5)
    assert (request.extras, request.cache, request.metadata, request.response_schema) == (
        {"x": 1},
        cache,
        {"who": "me"},
        {"type": "object"},
    )
    assert (request.tools, request.tool_choice) == (spec.tools, "auto")


def test_what_tools_may_read_is_not_shown_to_the_model() -> None:
    request = asked(a_session(spec=a_spec(context={"password": "hunter2"})).pending()).request

    assert "hunter2" not in repr(request)


def test_a_plain_answer_completes_the_run() -> None:
    session = a_session()

    assert session.receive(responded(1, said("42"))) == (EndRun(status="completed", result="42"),)


def test_all_calls_of_a_step_are_run_at_once() -> None:
    session = a_session()

    commands = session.receive(responded(1, calls("a:look", "b:fetch", "c:launch")))

    assert run_ids(commands) == ["a", "b", "c"]
    assert [(command.index, command.schema) for command in commands if isinstance(command, RunTool)] == [(0, LOOK), (1, FETCH), (2, LAUNCH)]


def test_the_model_is_asked_again_after_the_last_result_only() -> None:
    session = a_session(responded(1, calls("a:look", "b:fetch")))

    assert session.receive(completed("b")) == ()
    assert asked(session.receive(completed("a"))).step == 2


def test_each_call_has_one_result_in_the_order_of_the_calls() -> None:
    session = a_session(responded(1, calls("a:look", "b:fetch")), completed("b", {"n": 2}), completed("a", [1]))

    (*_, answer, results) = session.state.messages
    assert [call.call_id for call in answer.tool_calls] == ["a", "b"]
    assert results == ModelMessage(
        role="tool",
        parts=(ToolResultPart(call_id="a", name="look", content=[1]), ToolResultPart(call_id="b", name="fetch", content={"n": 2})),
    )


def test_only_listed_tools_are_run_and_the_model_is_told_so() -> None:
    session = a_session(spec=a_spec(tools=(LOOK,)))

    commands = session.receive(responded(1, calls("a:launch", "b:look")))

    assert run_ids(commands) == ["b"]
    session.receive(completed("b"))
    assert results_of(session.state.messages[-1])["a"] == ToolResultPart(
        call_id="a", name="launch", content="unknown tool 'launch'; available: look", is_error=True
    )


def test_a_malformed_call_is_not_run_and_the_model_is_told_so() -> None:
    session = a_session()

    command = asked(session.receive(responded(1, answer_of(ToolCallPart(call_id="a", name="look", arguments={}, malformed='{"x": ')))))

    assert results_of(command.request.messages[-1])["a"] == ToolResultPart(
        call_id="a", name="look", content='the arguments are not a JSON object of at most 200 levels: {"x": ', is_error=True
    )


def test_ids_are_unique_when_the_provider_repeats_them_in_a_step() -> None:
    session = a_session()

    assert run_ids(session.receive(responded(1, calls("a:look", "a:fetch", "a:look")))) == ["a", "a.2", "a.3"]
    assert [call.call_id for call in session.state.messages[-1].tool_calls] == ["a", "a.2", "a.3"]


def test_ids_are_unique_when_the_provider_repeats_them_in_a_later_step_or_run() -> None:
    session = a_session(responded(1, calls("a:look")), completed("a"))

    assert run_ids(session.receive(responded(2, calls("a:look")))) == ["a.2"]
    session.receive(RunEnded(run_id="run-1", status="cancelled", at=NOW))
    session.receive(a_start(run_id="run-2"))
    assert run_ids(session.receive(responded(1, calls("a:look")))) == ["a.3"]


def test_an_answer_is_kept_as_it_was_with_its_parts_in_order() -> None:
    parts = (
        ReasoningPart(text="first", signature="s1"),
        ToolCallPart(call_id="a", name="look", arguments={}, provider_data={"thought": "t1"}),
        ReasoningPart(text="second", signature="s2"),
        TextPart(text="and"),
        ToolCallPart(call_id="b", name="look", arguments={}, provider_data={"thought": "t2"}),
    )
    session = a_session(responded(1, answer_of(*parts)))

    assert session.state.messages[-1] == ModelMessage(role="assistant", parts=parts)


def test_a_model_that_was_paused_goes_on_from_what_it_has_said() -> None:
    paused = said("So far:", finish_reason=FinishReason.PAUSE)
    session = a_session()

    command = asked(session.receive(responded(1, paused)))

    assert command.step == 2
    assert command.request.messages[-1] == text_message("assistant", "So far:")


def test_a_step_whose_calls_are_all_refused_goes_straight_to_the_next() -> None:
    session = a_session()

    assert asked(session.receive(responded(1, calls("a:nothing", "b:nowhere")))).step == 2


def test_an_empty_answer_leaves_no_empty_message() -> None:
    session = a_session(responded(1, answer_of()))

    assert all(message.parts for message in session.state.messages)


def test_the_totals_of_a_run_count_every_step() -> None:
    session = a_session(
        responded(1, calls("a:look", "b:nothing", cached=True, tokens=30)), completed("a"), responded(2, said("42", tokens=12))
    )

    ended = session.ended("completed", NOW + 3, "42")

    assert (ended.steps, ended.tool_calls, ended.cache_hits, ended.usage.total_tokens, ended.duration_s) == (2, 2, 1, 42, 3.0)


def test_the_cost_of_a_run_is_told_where_the_cost_of_every_call_is_known() -> None:
    def priced(response: ModelResponse, cost_usd: float) -> ModelResponse:
        return replace(response, metadata={COST: cost_usd})

    first, second = calls("a:look"), said("42")
    known = a_session(responded(1, priced(first, 0.25)), completed("a"), responded(2, priced(second, 0.5)))
    unknown = a_session(responded(1, priced(first, 0.25)), completed("a"), responded(2, second))

    assert [session.ended("completed", NOW).cost_usd for session in (known, unknown)] == [0.75, None]


def test_a_later_run_sees_the_earlier_one_and_counts_from_zero() -> None:
    session = a_session(
        responded(1, calls("a:look")), completed("a"), responded(2, said("42")), RunEnded(run_id="run-1", status="completed", at=NOW)
    )
    before = session.state.messages

    request = asked(session.receive(a_start(a_spec(objective="and why?"), run_id="run-2"))).request

    assert request.messages == (*before, text_message("user", "and why?"))
    assert (session.state.active_run.step, session.state.active_run.usage.total_tokens, request.request_id) == (1, 0, "run-2.1")


def test_the_system_prompt_of_a_later_run_replaces_the_earlier_one() -> None:
    first = a_session(responded(1, said("42")), RunEnded(run_id="run-1", status="completed", at=NOW), spec=a_spec(system="old"))

    messages = asked(first.receive(a_start(a_spec(system="new"), run_id="run-2"))).request.messages

    assert [message.text for message in messages if message.role == "system"] == ["new"]
    assert messages[0].text == "new"


def test_a_replayed_session_goes_on_with_every_call_that_has_no_result() -> None:
    session = a_session(responded(1, calls("a:look", "b:fetch", "c:launch")), completed("b"))

    assert run_ids(session.pending()) == ["a", "c"]


def test_a_call_that_may_have_run_and_must_not_run_twice_is_given_up() -> None:
    session = a_session(responded(1, calls("c:launch")), ToolStarted(call_id="c", at=NOW))

    assert session.pending() == (GiveUpTool(call=ToolCallPart(call_id="c", name="launch", arguments={})),)


@pytest.mark.parametrize("events", [(), (responded(1, said("42")), RunEnded(run_id="run-1", status="completed", at=NOW))])
def test_nothing_is_pending_in_a_session_without_a_run(events: tuple[object, ...]) -> None:
    session = a_session(*events) if events else Session("session")  # type: ignore[arg-type]

    assert session.pending() == ()


def test_the_end_is_pending_when_the_last_answer_was_the_last_event() -> None:
    assert a_session(responded(1, said("42"))).pending() == (EndRun(status="completed", result="42"),)
