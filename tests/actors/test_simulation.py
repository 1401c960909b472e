"""`LLMRuntime.simulate`: scenarios side by side, failures as rows, progress, and deaths in between."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.events import RunStarted
from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.scenarios.families import failure_recovery, high_load
from polaris_llm.core.scenarios.scenario import FARM_TOOLS, AgentOptions
from polaris_llm.core.scenarios.scenario_file import ScenarioFile
from polaris_llm.core.scenarios.scenario_result import ScenarioFailure, ScenarioResult
from support.hooked_scenarios import ADAPTING, hooked, steps_asked
from support.runtime_access import killing, links_of, loop_of, names_of, new_id, started
from support.runtime_model import HOOKS


@pytest.fixture(scope="module")
def runtime() -> Iterator[LLMRuntime]:
    with started(llm=ADAPTING, conversation_management={"hosts": 2}) as runtime:
        yield runtime


def test_results_come_in_the_order_of_the_scenarios(runtime: LLMRuntime) -> None:
    scenarios = [high_load(1, 3), failure_recovery(1, 4), high_load(2, 2)]

    results = runtime.simulate(scenarios)

    assert [row.scenario for row in results.rows()] == ["high_load-1", "failure_recovery-1", "high_load-2"]
    assert [len(result.outcomes) for result in results.finished] == [3, 4, 2]
    assert (results.failures, results.problems()) == ((), {})
    assert results.wall_s > 0


def test_the_same_scenario_twice_is_run_twice(runtime: LLMRuntime) -> None:
    results = runtime.simulate([high_load(3, 2), high_load(3, 2)])

    ids = [outcome.session_id for result in results.finished for outcome in result.outcomes]
    assert len(set(ids)) == 4
    assert results.finished[0].loop == results.finished[1].loop


def test_progress_is_told_from_nothing_to_the_end(runtime: LLMRuntime) -> None:
    told: list[tuple[int, int]] = []

    runtime.simulate([high_load(1, 3), high_load(2, 3)], on_progress=lambda decided, total: told.append((decided, total)))

    assert told[-1] == (6, 6)
    assert told == sorted(told)
    assert {total for _, total in told} == {6}


def test_a_callback_that_raises_does_not_cost_the_results(runtime: LLMRuntime, caplog: pytest.LogCaptureFixture) -> None:
    def on_progress(decided: int, total: int) -> None:
        raise ValueError("a defect of the caller's")

    results = runtime.simulate([high_load(1, 2)], on_progress=on_progress)

    assert len(results.finished) == 1
    assert "on_progress failed" in caplog.text


@pytest.mark.anyio
async def test_coroutines_can_simulate(runtime: LLMRuntime) -> None:
    results = await runtime.asimulate([high_load(1, 2)], system="ignored: the farm has its own")

    assert len(results.finished) == 1


def test_an_agent_with_an_unknown_provider_is_refused_before_anything_runs(runtime: LLMRuntime) -> None:
    with pytest.raises(LLMConfigurationError, match="unknown provider 'other'; known: default"):
        runtime.simulate([high_load(1, 2)], provider="other")


def test_options_that_are_not_the_agents_are_refused(runtime: LLMRuntime) -> None:
    with pytest.raises(LLMConfigurationError, match="unknown option 'session_id'"):
        runtime.simulate([high_load(1, 2)], session_id="mine")


def test_a_scenario_whose_actor_dies_goes_on_where_it_was(runtime: LLMRuntime) -> None:
    name = new_id()
    kill_it, deaths = killing(runtime, names_of(runtime).scenarios), iter([True])
    HOOKS[name] = lambda: kill_it() if next(deaths, False) else None

    results = runtime.simulate([hooked(name)])

    assert [row.scenario for row in results.rows()] == [name]
    assert len(steps_asked(name)) == len(set(steps_asked(name))) == results.rows()[0].steps


def test_a_scenario_that_cannot_be_run_is_a_row_beside_the_others() -> None:
    name, ended = new_id(), list[object]()
    with started(llm=ADAPTING) as runtime:
        kill_it = killing(runtime, names_of(runtime).scenarios)
        HOOKS[name] = lambda: kill_it() if len(ended) == 2 else None

        results = runtime.simulate([high_load(1, 1), hooked(name, periods=200), high_load(2, 1)], on_result=ended.append)

    assert [failure.scenario.name for failure in results.failures] == [name]
    assert results.failures[0].error.code == "OUTCOME_UNKNOWN"
    assert len(results.results) == 3


def test_hosts_may_die_during_a_simulation(runtime: LLMRuntime) -> None:
    name = new_id()
    kills = iter([killing(runtime, host) for host in names_of(runtime).hosts])
    HOOKS[name] = lambda: next(kills, lambda: None)()

    results = runtime.simulate([hooked(name)])

    assert [row.failed_runs for row in results.rows()] == [0]


def test_a_simulation_that_is_over_leaves_no_counts_behind(runtime: LLMRuntime) -> None:
    results = runtime.simulate([high_load(1, 2)])

    scenarios = links_of(runtime).to(names_of(runtime).scenarios)
    assert loop_of(runtime).run(scenarios.ask("decisions", CallContext(), results.simulation_id)) == 0


def test_no_more_scenarios_are_under_way_than_there_may_be(runtime: LLMRuntime) -> None:
    under_way, seen, lock = set[str](), list[int](), threading.Lock()

    def enter(name: str) -> None:
        with lock:
            under_way.add(name)
            seen.append(len(under_way))

    names = [new_id() for _ in range(6)]
    for name in names:
        HOOKS[name] = lambda name=name: enter(name)  # type: ignore[misc]  # bound to the loop's name

    def leave(result: ScenarioResult | ScenarioFailure) -> None:
        with lock:
            under_way.discard(result.scenario.name)

    results = runtime.simulate([hooked(name) for name in names], max_in_flight=1, on_result=leave)

    assert [row.scenario for row in results.rows()] == names
    assert max(seen) <= 2  # one may begin before the end of another was told


def test_at_least_one_scenario_must_be_allowed(runtime: LLMRuntime) -> None:
    with pytest.raises(LLMConfigurationError, match="max_in_flight is 0: let at least 1 scenario be under way"):
        runtime.simulate([high_load(1, 2)], max_in_flight=0)


def test_each_run_is_told_as_it_ends(runtime: LLMRuntime) -> None:
    told: list[ScenarioResult | ScenarioFailure] = []

    results = runtime.simulate([high_load(1, 2), high_load(2, 2)], on_result=told.append)

    assert sorted(one.scenario.name for one in told) == ["high_load-1", "high_load-2"]
    assert set(map(id, told)) == set(map(id, results.results))


def test_a_scenario_says_who_decides_and_with_which_tools(runtime: LLMRuntime) -> None:
    quick = AgentOptions(max_steps=2, temperature=0.2)
    scenarios = [replace(high_load(1, 1), agent=quick, tools=("get_metrics", "polaris_llm.core.tool_registry:EchoTool")), high_load(1, 1)]

    results = runtime.simulate(scenarios, temperature=0.1)

    specs = [spec_of(runtime, result.outcomes[0].session_id) for result in results.finished]
    assert [(spec.limits.max_steps, spec.temperature) for spec in specs] == [(2, 0.2), (10, 0.1)]
    assert [tool.name for tool in specs[0].tools] == ["get_metrics", "echo"]
    assert [tool.name for tool in specs[1].tools] == list(FARM_TOOLS)


def test_repetitions_are_asked_with_a_seed_of_their_own(runtime: LLMRuntime) -> None:
    scenarios = ScenarioFile.load("high_load", {"seeds": [1], "periods": 1, "repetitions": 2}).scenarios()

    results = runtime.simulate(scenarios)

    assert [spec_of(runtime, result.outcomes[0].session_id).seed for result in results.finished] == [None, 2]


def test_rows_say_that_a_mock_decided(runtime: LLMRuntime) -> None:
    assert {row.agent for row in runtime.simulate([high_load(1, 1)]).rows()} == {"mock (a script, no language model)"}


def spec_of(runtime: LLMRuntime, session_id: str) -> RunSpec:
    """What a session was asked to do."""
    (first, *_) = runtime.session(session_id).events(timeout=60)
    assert isinstance(first, RunStarted)
    return first.spec
