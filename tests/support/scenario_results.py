"""Results of scenarios without a runtime: a policy decides, and every decision has an outcome."""

from dataclasses import replace

from polaris_llm.core.runs import RunOutcome
from polaris_llm.core.scenarios.baseline import thresholds
from polaris_llm.core.scenarios.control_loop import ControlLoop, Policy, run_policy
from polaris_llm.core.scenarios.decision import Decision
from polaris_llm.core.scenarios.report import row
from polaris_llm.core.scenarios.scenario import Scenario
from polaris_llm.core.scenarios.scenario_result import ScenarioResult
from polaris_llm.core.usage import Usage


def finished(scenario: Scenario, policy: Policy = thresholds, agent: str = "local model m") -> ScenarioResult:
    """What came of a scenario that a policy decided, 12 tokens a decision."""
    return result_of(run_policy(scenario, policy), agent)


def result_of(loop: ControlLoop, agent: str = "local model m") -> ScenarioResult:
    """The result of a finished loop."""
    usage = Usage(input_tokens=10, output_tokens=2)
    outcomes = tuple(
        RunOutcome(session_id=f"s/{record.period}", run_id="r", status="completed", steps=3, cache_hits=1, usage=usage)
        for record in loop.records
    )
    return ScenarioResult(row=row(loop, outcomes, 1.5, agent), loop=loop, outcomes=outcomes)


def with_problem(result: ScenarioResult, problem: str, reasoning: str = "") -> ScenarioResult:
    """The result, its first decision one that could not be used."""
    first, *rest = result.loop.records
    spoilt = replace(first, decision=Decision(problem=problem, reasoning=reasoning))
    return replace(result, loop=replace(result.loop, records=(spoilt, *rest)))
