"""The scenario actor: one session per control period, and nothing that was decided is decided again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from polaris_llm.actors.runtime import LLMRuntime
from polaris_llm.actors.scenarios import ScenarioActor, ScenarioTask
from polaris_llm.actors.sessions import Sessions
from polaris_llm.core.call_context import CallContext
from polaris_llm.core.events import RunStarted
from polaris_llm.core.prompt_manager import PromptManager
from polaris_llm.core.runs import RunLimits, RunSpec
from polaris_llm.core.scenarios.families import high_load
from polaris_llm.core.scenarios.scenario import FARM_TOOLS
from polaris_llm.core.scenarios.scenario_result import ScenarioResult
from support.runtime_access import links_of, loop_of, new_id, started
from support.runtime_model import ASKED
from support.runtime_tools import DEADLINE_S

CALL = CallContext()
ADAPTING = {"script": "support.runtime_model:adapt"}


@pytest.fixture(scope="module")
def runtime() -> Iterator[LLMRuntime]:
    with started(llm=ADAPTING, providers={"talker": {"script": "support.runtime_model:play"}}) as runtime:
        yield runtime


def actor_of(runtime: LLMRuntime) -> ScenarioActor:
    return ScenarioActor(Sessions(links_of(runtime), runtime.settings), PromptManager())


def a_task(**agent: object) -> ScenarioTask:
    spec = RunSpec(objective="", limits=RunLimits(deadline_s=DEADLINE_S), **agent)  # type: ignore[arg-type]  # fields of RunSpec
    return ScenarioTask(simulation_id=new_id(), number=1, scenario=high_load(1, periods=3), agent=spec)


def run(runtime: LLMRuntime, actor: ScenarioActor, task: ScenarioTask) -> ScenarioResult:
    return loop_of(runtime).run(actor.run(CALL, task))


def test_every_control_period_is_a_session_of_its_own(runtime: LLMRuntime) -> None:
    actor, task = actor_of(runtime), a_task()

    result = run(runtime, actor, task)

    assert [outcome.session_id for outcome in result.outcomes] == [
        f"{task.simulation_id}/1/{task.scenario.name}/{period}" for period in (1, 2, 3)
    ]
    assert all(outcome.ok and outcome.tool_calls for outcome in result.outcomes)
    assert (result.loop.finished, result.row.failed_runs, result.row.invalid_decisions) == (True, 0, 0)
    assert actor.decisions(CALL, task.simulation_id) == 3


def test_the_agent_is_told_of_the_farm_and_its_tools_see_it(runtime: LLMRuntime) -> None:
    result = run(runtime, actor_of(runtime), a_task())

    (first, *_) = runtime.session(result.outcomes[1].session_id).events(timeout=DEADLINE_S)

    assert isinstance(first, RunStarted)
    assert [tool.name for tool in first.spec.tools] == list(FARM_TOOLS)
    farm = first.spec.context["farm"]
    assert isinstance(farm, dict)
    assert farm["period"] == 2


def test_a_task_that_is_given_again_decides_nothing_again(runtime: LLMRuntime) -> None:
    task = a_task()
    first = run(runtime, actor_of(runtime), task)
    asked = len(ASKED)

    again = run(runtime, actor_of(runtime), task)

    assert len(ASKED) == asked
    assert again.loop == first.loop
    assert again.outcomes == first.outcomes


def test_of_simulations_that_nobody_says_are_over_only_the_latest_are_counted(runtime: LLMRuntime) -> None:
    actor = ScenarioActor(Sessions(links_of(runtime), runtime.settings), PromptManager(), max_counted=1)
    first, second = a_task(), a_task()

    run(runtime, actor, first)
    run(runtime, actor, second)

    assert [actor.decisions(CALL, task.simulation_id) for task in (first, second)] == [0, 3]


def test_a_decision_that_fails_is_a_recorded_no_action(runtime: LLMRuntime) -> None:
    result = run(runtime, actor_of(runtime), a_task(provider="talker"))

    assert [outcome.status for outcome in result.outcomes] == ["failed"] * 3
    problems = {record.decision.problem for record in result.loop.records}
    assert len(problems) == 1
    assert str(problems.pop()).startswith("failed: the answer")
    assert result.loop.actions == ()


def test_a_decision_that_cannot_even_be_submitted_is_one_too(runtime: LLMRuntime) -> None:
    result = run(runtime, actor_of(runtime), a_task(provider="unknown"))

    assert {record.decision.problem for record in result.loop.records} == {"failed: unknown provider 'unknown'; known: default, talker"}


def test_counts_of_a_simulation_that_is_over_are_forgotten(runtime: LLMRuntime) -> None:
    actor, task = actor_of(runtime), a_task()
    run(runtime, actor, task)

    actor.forget(CALL, task.simulation_id)

    assert actor.decisions(CALL, task.simulation_id) == 0


def test_prompts_of_ones_own_directory_win(tmp_path: Path) -> None:
    own = {"name": "web_farm_objective", "template": "Mine: {{ objective }}", "variables": ["objective", "farm"], "format": "jinja"}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"templates": [own]}), encoding="utf-8")

    with started(llm=ADAPTING, prompt_management={"template_directory": str(tmp_path)}) as runtime:
        (result,) = runtime.simulate([high_load(1, 1)]).finished
        (first, *_) = runtime.session(result.outcomes[0].session_id).events(timeout=DEADLINE_S)

    assert isinstance(first, RunStarted)
    assert first.spec.objective == f"Mine: {result.scenario.objective}"
