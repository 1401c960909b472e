"""`LLMRuntime.simulate`: scenarios side by side, failures as rows, progress, and deaths in between."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.scenarios.families import failure_recovery, high_load
from polaris_llm.core.scenarios.scenario import Scenario
from support.runtime_access import killing, links_of, loop_of, names_of, new_id, started
from support.runtime_model import ASKED, HOOKS

ADAPTING = {"script": "support.runtime_model:adapt"}


@pytest.fixture(scope="module")
def runtime() -> Iterator[LLMRuntime]:
    with started(llm=ADAPTING, conversation_management={"hosts": 2}) as runtime:
        yield runtime


def hooked(name: str, periods: int = 3) -> Scenario:
    """A scenario at each of whose steps HOOKS[name] is called."""
    return replace(high_load(1, periods), name=name, objective=f"Keep calm ({name}).")


def steps_asked(text: str) -> list[str]:
    """The steps of which the model was asked, of the sessions whose prompts hold a text."""
    return [request.request_id for request in ASKED if any(text in message.text for message in request.messages)]


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
    name, steps = new_id(), itertools.count()
    with started(llm=ADAPTING) as runtime:
        kill_it = killing(runtime, names_of(runtime).scenarios)
        HOOKS[name] = lambda: kill_it() if next(steps) >= 12 else None  # long after the others have ended

        results = runtime.simulate([high_load(1, 1), hooked(name, periods=12), high_load(2, 1)])

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
