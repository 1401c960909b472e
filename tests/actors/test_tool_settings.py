"""What the settings say of a tool, in a running runtime."""

from typing import Any

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from support.runtime_access import new_id, started
from support.runtime_model import call, plan, tell_results
from support.runtime_sessions import results_of


def noted(runtime: LLMRuntime, text: str) -> list[object]:
    """What the tool `note` answered in a session: how often it ran with this text."""
    return results_of(runtime.submit(plan(call("note", text=text), tell_results()), tools=["note"]))


@pytest.mark.parametrize(
    ("sections", "second"),
    [
        ({"tools": {"note": {"cache_ttl": 60}}}, 1),
        ({"tools": {"note": {"cache_ttl": 0}}}, 2),
        ({}, 2),
        ({"tools": {"note": {"cache_ttl": 60}}, "caching": {"enabled": False}}, 2),
    ],
)
def test_a_tools_result_answers_equal_calls_of_other_sessions_if_the_settings_say_for_how_long(
    sections: dict[str, Any], second: int
) -> None:
    text = new_id()
    with started(**sections) as runtime:
        results = [noted(runtime, text) for _ in range(2)]

    assert results == [[1], [second]]


def test_a_tool_is_stopped_at_the_time_that_the_settings_give_it() -> None:
    with started(tools={"wait_at": {"timeout": 0.05}}) as runtime:
        session = runtime.submit(plan(call("wait_at", gate=new_id()), tell_results()), tools=["wait_at"])

        assert results_of(session) == ["tool 'wait_at' did not answer within 0.05 s and was stopped"]
