"""What a run may use: pool tools by name and by reference, providers by name; and what is refused before anything runs."""

import json
import os
from collections.abc import Iterator

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.events import RunStarted
from polaris_llm.core.exceptions import LLMConfigurationError
from support.runtime_access import kill, links_of, loop_of, names_of, started
from support.runtime_model import call, calls, plan, tell_results
from support.runtime_tools import DEADLINE_S


@pytest.fixture(scope="module")
def runtime() -> Iterator[LLMRuntime]:
    with started(providers={"other": {"model": "another-model", "script": "support.runtime_model:play"}}) as runtime:
        yield runtime


def test_tools_of_the_settings_are_used_by_name(runtime: LLMRuntime) -> None:
    objective = plan(calls(("add", {"a": 2, "b": 3}), ("read_context", {})), tell_results())

    outcome = runtime.submit(objective, tools=["add", "read_context"], context={"system": "swim"}).result(DEADLINE_S)

    assert json.loads(str(outcome.result)) == [5, {"system": "swim"}]


def test_any_importable_tool_is_used_by_its_reference(runtime: LLMRuntime) -> None:
    objective = plan(calls(("add", {"a": 2}), ("plain", {"text": "so"})), tell_results())

    outcome = runtime.submit(objective, tools=["support.tools_sample:add", "support.tools_sample:plain"]).result(DEADLINE_S)

    assert json.loads(str(outcome.result)) == [4, "so"]


def test_plain_functions_run_in_another_process(runtime: LLMRuntime) -> None:
    outcome = runtime.submit(plan(call("own_process"), tell_results()), tools=["support.runtime_tools:own_process"]).result(DEADLINE_S)

    (pid,) = json.loads(str(outcome.result))
    assert pid != os.getpid()


def test_tools_that_were_not_given_are_not_run(runtime: LLMRuntime) -> None:
    outcome = runtime.submit(plan(call("add", a=1, b=2), tell_results()), tools=["read_context"]).result(DEADLINE_S)

    assert json.loads(str(outcome.result)) == ["unknown tool 'add'; available: read_context"]


def test_a_pool_tools_failure_is_its_result(runtime: LLMRuntime) -> None:
    outcome = runtime.submit(plan(calls(("broken", {}), ("add", {"a": "1"})), tell_results()), tools=["broken", "add"]).result(DEADLINE_S)

    broken, misused = json.loads(str(outcome.result))
    assert outcome.ok
    assert broken == "the sensor is unplugged"
    assert "Missing required parameter: b" in misused


def test_a_run_uses_the_provider_it_names(runtime: LLMRuntime) -> None:
    session = runtime.submit("hello", provider="other")
    assert session.result(DEADLINE_S).ok

    events = list(session.events(timeout=DEADLINE_S))

    assert isinstance(events[0], RunStarted)
    assert (events[0].spec.provider, events[0].spec.model) == ("other", "another-model")
    assert runtime.health()["actors"][names_of(runtime).provider("other")]["served"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"tools": ["subtract"]},
            r"unknown tool 'subtract'; known: add, broken, .*\. Give it as 'module:name', or list it in tool_registry\.tools",
        ),
        ({"tools": ["support.runtime_tools:subtract"]}, r"tool 'support\.runtime_tools:subtract' cannot be loaded: there is no such name"),
        ({"tools": ["no_such_module:add"]}, "'no_such_module' cannot be imported"),
        ({"provider": "third"}, "unknown provider 'third'; known: default, other"),
        ({"sytem": "Be brief."}, r"unknown option 'sytem' \(did you mean 'system'\?\)"),
    ],
)
def test_what_is_unknown_is_named_with_the_remedy_and_leaves_no_session(
    runtime: LLMRuntime, options: dict[str, object], message: str
) -> None:
    before = runtime.health()["actors"][names_of(runtime).journal]["sessions"]

    with pytest.raises(LLMConfigurationError, match=message):
        runtime.submit("hello", **options)

    assert runtime.health()["actors"][names_of(runtime).journal]["sessions"] == before


def test_tools_are_listed_though_the_worker_that_listed_them_first_is_dead() -> None:
    with started() as runtime:
        worker = names_of(runtime).tool_workers[0]
        loop_of(runtime).run(links_of(runtime).to(worker).ask("schemas", CallContext()))
        kill(runtime, worker)

        outcome = runtime.submit(plan(call("add", a=1, b=2), tell_results()), tools=["add"]).result(DEADLINE_S)

        assert outcome.result == "[3]"


def test_sessions_are_spread_over_the_hosts_alike_by_everybody(runtime: LLMRuntime) -> None:
    with started(conversation_management={"hosts": 3}) as other:
        names = names_of(other)
        places = [names.host_of(f"session-{number}") for number in range(300)]

        assert {host: places.count(host) > 60 for host in names.hosts} == dict.fromkeys(names.hosts, True)
        assert places == [names_of(other).host_of(f"session-{number}") for number in range(300)]
