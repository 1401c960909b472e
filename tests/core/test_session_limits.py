"""Where a run ends whatever the model wants, and what becomes of answers that cannot be used."""

from typing import Any

import pytest

from polaris_llm.core.commands import CallModel, Command, EndRun
from polaris_llm.core.events import ModelFailed
from polaris_llm.core.exceptions import ErrorRecord, LLMResponseParsingError, LLMTimeoutError
from polaris_llm.core.inference import FinishReason
from polaris_llm.core.parts import ToolResultPart
from polaris_llm.core.session import Session
from polaris_llm.core.usage import USAGE, Usage
from support.sessions import NOW, a_session, a_spec, a_start, answer_of, calls, completed, responded, said

EMPTY = answer_of()


def end_of(commands: tuple[Command, ...]) -> EndRun:
    """The one command, which ends the run."""
    (command,) = commands
    assert isinstance(command, EndRun), f"{command} does not end the run"
    return command


def code_of(end: EndRun) -> str:
    """The code of the error that an end tells."""
    assert end.error is not None
    return end.error.code


def test_a_run_ends_after_its_last_step_without_an_answer() -> None:
    session = a_session(responded(1, EMPTY), spec=a_spec(max_steps=2))

    end = end_of(session.receive(responded(2, EMPTY)))

    assert (end.status, code_of(end)) == ("max_iterations", "MAX_ITERATIONS")
    assert end.error is not None
    assert end.error.message == "no final answer within 2 steps"


def test_an_answer_in_the_last_step_completes_the_run() -> None:
    assert end_of(a_session(spec=a_spec(max_steps=1)).receive(responded(1, said("42")))).status == "completed"


def test_the_last_step_may_only_answer() -> None:
    session = a_session(spec=a_spec(max_steps=2))
    first = session.pending()

    last = session.receive(responded(1, EMPTY))

    assert [command.request.tool_choice for command in first + last if isinstance(command, CallModel)] == ["auto", "none"]


def test_the_last_step_of_a_run_without_tools_forbids_none() -> None:
    (command,) = a_session(spec=a_spec(tools=(), max_steps=1)).pending()

    assert isinstance(command, CallModel)
    assert command.request.tool_choice == "auto"


def test_calls_in_the_last_step_are_not_run_for_nobody_would_read_their_results() -> None:
    session = a_session(spec=a_spec(max_steps=1))

    end = end_of(session.receive(responded(1, calls("a:launch", "b:nothing"))))

    assert end.status == "max_iterations"
    assert session.state.messages[-1].parts == tuple(
        ToolResultPart(call_id=call_id, name=name, content="not run: no final answer within 1 steps", is_error=True)
        for call_id, name in (("a", "launch"), ("b", "nothing"))
    )


@pytest.mark.parametrize("steps", [0, -1])
def test_a_run_of_no_steps_ends_at_once(steps: int) -> None:
    end = end_of(Session("session").receive(a_start(a_spec(max_steps=steps))))

    assert end.status == "max_iterations"


def test_a_run_ends_when_its_tokens_are_spent() -> None:
    session = a_session(responded(1, calls("a:look", tokens=60)), completed("a"), spec=a_spec(max_tokens=100))

    end = end_of(session.receive(responded(2, calls("b:launch", tokens=40))))

    assert (end.status, code_of(end)) == ("budget_exceeded", "TOKEN_BUDGET_EXCEEDED")
    assert end.error is not None
    assert end.error.message == "100 of 100 tokens are spent"


def test_an_answer_that_spends_the_last_token_completes_the_run() -> None:
    assert end_of(a_session(spec=a_spec(max_tokens=5)).receive(responded(1, said("42", tokens=50)))).status == "completed"


def test_a_failed_model_fails_the_run_and_the_error_is_kept() -> None:
    error = ErrorRecord.of(LLMTimeoutError("too slow", 3.0))

    end = end_of(a_session().receive(ModelFailed(step=1, error=error, at=NOW)))

    assert end == EndRun(status="failed", error=error)
    assert (error.type, error.code, error.context) == ("LLMTimeoutError", "LLM_TIMEOUT_ERROR", {"timeout_seconds": 3.0})


@pytest.mark.parametrize(("context", "cost_usd"), [({"cost_usd": 0.5}, 0.5), ({}, None)], ids=["a cost", "no cost"])
def test_what_useless_answers_took_is_counted(context: dict[str, Any], cost_usd: float | None) -> None:
    error = LLMResponseParsingError("useless", context={USAGE: Usage(input_tokens=30, output_tokens=12).as_json(), **context})
    session = a_session(ModelFailed(step=1, error=ErrorRecord.of(error), at=NOW))

    ended = session.ended("failed", NOW)

    assert (ended.usage, ended.cost_usd) == (Usage(input_tokens=30, output_tokens=12), cost_usd)


def test_a_call_that_brought_nothing_took_nothing() -> None:
    session = a_session(ModelFailed(step=1, error=ErrorRecord.of(LLMTimeoutError("too slow")), at=NOW))

    assert (session.ended("failed", NOW).usage, session.ended("failed", NOW).cost_usd) == (Usage(), 0.0)


def test_a_failed_model_leaves_no_apology_in_the_history() -> None:
    session = a_session(ModelFailed(step=1, error=ErrorRecord.of(LLMTimeoutError("too slow")), at=NOW))

    assert [message.text for message in session.state.messages] == ["find the answer"]


def test_a_model_that_only_pauses_ends_with_its_steps() -> None:
    paused = said("So far:", finish_reason=FinishReason.PAUSE)

    end = end_of(a_session(responded(1, paused), spec=a_spec(max_steps=2)).receive(responded(2, paused)))

    assert (end.status, end.result) == ("max_iterations", "So far:")


def test_a_refusal_fails_the_run_without_another_try() -> None:
    end = end_of(a_session().receive(responded(1, said("I can", finish_reason=FinishReason.REFUSAL))))

    assert (end.status, code_of(end), end.result) == ("failed", "LLM_API_ERROR", "I can")


def test_the_model_is_told_why_its_answer_cannot_be_used() -> None:
    session = a_session(spec=a_spec(result_schema={"type": "object", "required": ["name"]}))

    (command,) = session.receive(responded(1, said("{}")))

    assert isinstance(command, CallModel)
    said_by_us = command.request.messages[-1]
    assert (said_by_us.role, command.request.messages[-2].text) == ("user", "{}")
    assert "'name' is a required property" in said_by_us.text


@pytest.mark.parametrize("repairs", [0, 1, 3])
def test_the_model_is_told_so_often_and_then_the_run_fails(repairs: int) -> None:
    events = [responded(step, said("{", finish_reason=FinishReason.LENGTH)) for step in range(1, repairs + 1)]
    session = a_session(*events, spec=a_spec(max_repairs=repairs))

    end = end_of(session.receive(responded(repairs + 1, said("{half", finish_reason=FinishReason.LENGTH))))

    assert (end.status, code_of(end), end.result) == ("failed", "LLM_RESPONSE_PARSING_ERROR", "{half")


def test_a_usable_step_forgives_the_unusable_ones() -> None:
    session = a_session(responded(1, EMPTY), responded(2, calls("a:look")), completed("a"), spec=a_spec(max_repairs=1))

    (command,) = session.receive(responded(3, EMPTY))

    assert isinstance(command, CallModel)


def test_an_unusable_answer_of_the_last_step_is_kept_as_far_as_it_goes() -> None:
    end = end_of(a_session(spec=a_spec(max_steps=1)).receive(responded(1, said("half", finish_reason=FinishReason.LENGTH))))

    assert (end.status, end.result) == ("max_iterations", "half")


def test_a_later_run_has_its_own_limits() -> None:
    session = a_session(responded(1, EMPTY), spec=a_spec(max_steps=1))
    session.receive(session.ended("max_iterations", NOW))

    (command,) = session.receive(a_start(a_spec(max_steps=1), run_id="run-2"))

    assert isinstance(command, CallModel)
