"""Rows, summaries and the table that people read."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from polaris_llm.core.exceptions import ErrorRecord, OutcomeUnknownError
from polaris_llm.core.runs import RunOutcome
from polaris_llm.core.scenarios.actions import ADD_SERVER, NO_ACTION, Action
from polaris_llm.core.scenarios.baseline import do_nothing, thresholds
from polaris_llm.core.scenarios.control_loop import ControlLoop, run_policy
from polaris_llm.core.scenarios.families import failure_recovery, high_load
from polaris_llm.core.scenarios.report import SCENARIO_ROW, ScenarioRow, row, summaries
from polaris_llm.core.scenarios.results import SimulationResults
from polaris_llm.core.scenarios.scenario_result import ScenarioFailure
from polaris_llm.core.scenarios.table import results_lines, results_table, table
from polaris_llm.core.usage import Usage
from support.scenario_results import finished


def outcome(**changes: object) -> RunOutcome:
    known: dict[str, object] = {"status": "completed", "steps": 3, "cache_hits": 1, "usage": Usage(input_tokens=100, output_tokens=20)}
    return RunOutcome(session_id="s", run_id="r", **{**known, **changes})  # type: ignore[arg-type]  # by field name


def add_one_server(loop: ControlLoop) -> Action:
    return ADD_SERVER if not loop.records else NO_ACTION


def agent_row(seed: int, wall_s: float = 2.0) -> ScenarioRow:
    return row(run_policy(high_load(seed), add_one_server), [outcome()] * 12, wall_s)


def test_row_puts_the_agents_beside_the_baselines() -> None:
    loop = run_policy(high_load(1), add_one_server)

    made = row(loop, [outcome()] * 12, wall_s=2.5)

    assert (made.scenario, made.family, made.seed) == ("high_load-1", "high_load", 1)
    assert (made.utility, made.sla_violations, made.actions) == (loop.utility, loop.sla_violations, 1)
    assert made.threshold_utility == run_policy(high_load(1), thresholds).utility
    assert made.idle_utility == run_policy(high_load(1), do_nothing).utility


def test_row_adds_up_what_the_decisions_took() -> None:
    loop = ControlLoop.start(high_load(1, periods=2))
    loop = loop.period(loop.decide(None)).period(loop.decide({"action_type": "NO_ACTION", "value": None, "reasoning": ""}))

    made = row(loop, [outcome(status="failed", steps=1), outcome(), outcome()], wall_s=1.0)

    assert (made.steps, made.tokens, made.cache_hits) == (7, 360, 3)
    assert (made.failed_runs, made.invalid_decisions) == (1, 1)


def test_cost_is_summed_up_only_where_all_of_it_is_known() -> None:
    loop = run_policy(high_load(1, periods=2), thresholds)

    known = row(loop, [outcome(cost_usd=0.25), outcome(cost_usd=0.5)], wall_s=1.0)
    unknown = row(loop, [outcome(cost_usd=0.25), outcome()], wall_s=1.0)

    assert (known.cost_usd, unknown.cost_usd) == (0.75, None)
    assert [summary.cost_usd for summary in (*summaries([known, known]), *summaries([known, unknown]))] == [1.5, None]


def test_row_is_json() -> None:
    assert SCENARIO_ROW.validate_json(SCENARIO_ROW.dump_json(agent_row(1))) == agent_row(1)


def test_summary_means_utilities_and_adds_the_rest() -> None:
    rows = [agent_row(1), agent_row(2), row(run_policy(failure_recovery(1), thresholds), [], 1.0)]

    high, recovery = summaries(rows)

    assert (high.group, high.runs, recovery.group, recovery.runs) == ("high_load", 2, "failure_recovery", 1)
    assert high.utility == pytest.approx((rows[0].utility + rows[1].utility) / 2)
    assert high.threshold_utility == pytest.approx((rows[0].threshold_utility + rows[1].threshold_utility) / 2)
    assert (high.sla_violations, high.tokens, high.wall_s) == (rows[0].sla_violations + rows[1].sla_violations, 2880, 4.0)


def test_equal_utility_is_not_better() -> None:
    (summary,) = summaries([row(run_policy(failure_recovery(1), thresholds), [], 1.0)])

    assert summary.better == 0


def test_table_shows_every_row_and_a_line_for_each_family() -> None:
    rows = [agent_row(1), agent_row(2)]
    text = io.StringIO()

    Console(file=text, width=80).print(table(rows))

    shown = text.getvalue()
    assert all(part in shown for part in ("high_load-1", "high_load-2", f"{rows[0].utility:.0f}", "1440"))
    assert "…" not in shown
    assert len([line for line in shown.splitlines() if line.startswith("high_load ")]) == 1


def test_table_of_nothing_is_empty() -> None:
    assert table([]).row_count == 0


def test_long_names_with_brackets_leave_the_figures_whole() -> None:
    name = "high_load[boot_s=30,max_servers=2]"
    long = replace(agent_row(1), scenario=f"{name}-1", group=name)
    text = io.StringIO()

    Console(file=text, width=80).print(table([long]))

    shown = text.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    assert name in "".join(line[:24].rstrip() for line in shown.splitlines())
    assert all(part in shown for part in (f"{long.utility:.0f}", "1440", "baseline", "hits"))


def test_runs_that_failed_are_told_below_the_table() -> None:
    failure = ScenarioFailure(scenario=high_load(2), error=ErrorRecord.of(OutcomeUnknownError("the actor [died]")))
    results = SimulationResults(simulation_id="s", results=(finished(high_load(1)), failure), wall_s=1.0)
    text = io.StringIO()

    Console(file=text, width=80).print(results_table(results))

    *_, last = text.getvalue().splitlines()
    assert last == "high_load-2 failed: the actor [died]"


def test_for_programs_a_run_is_a_line_of_fields_apart_by_tabs_also_one_that_failed() -> None:
    run = finished(high_load(1))
    failure = ScenarioFailure(scenario=high_load(2), error=ErrorRecord.of(OutcomeUnknownError("the actor\n[died]")))
    results = SimulationResults(simulation_id="s", results=(run, failure), wall_s=1.0)

    first, last = (line.split("\t") for line in results_lines(results))

    [row] = results.rows()
    assert len(first) == len(table([]).columns)
    assert first[:2] == ["high_load-1", f"{row.utility:.0f}"]
    assert last == ["high_load-2", "failed", "the actor [died]"]
