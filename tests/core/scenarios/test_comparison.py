"""Groups beside their baselines, and two sets of results: over seeds, paired where both have them."""

from dataclasses import replace

import pytest

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.scenarios.baseline import do_nothing, proactive, thresholds
from polaris_llm.core.scenarios.comparison import compare, group_summaries
from polaris_llm.core.scenarios.control_loop import Policy, run_policy
from polaris_llm.core.scenarios.families import high_load, normal
from polaris_llm.core.scenarios.report import ScenarioRow, row

BASE = row(run_policy(high_load(1), thresholds), [], 1.0)


def made(group: str, seed: int, utility: float, repetition: int = 1) -> ScenarioRow:
    return replace(BASE, group=group, seed=seed, repetition=repetition, utility=utility)


def decided_by(policy: Policy) -> list[ScenarioRow]:
    return [row(run_policy(family(seed), policy), [], 1.0) for family in (high_load, normal) for seed in range(1, 6)]


def test_group_stands_beside_every_baseline() -> None:
    rows = decided_by(proactive)

    high, calm = group_summaries(rows)

    assert (high.group, high.runs, high.seeds, calm.group) == ("high_load", 5, 5, "normal")
    assert high.gains["proactive"].mean == pytest.approx(0)
    assert high.better == {"thresholds": sum(one.utility > one.threshold_utility for one in rows[:5]), "proactive": 0, "do_nothing": 5}
    assert high.baselines["do_nothing"].mean < high.utility.mean
    assert high.gains["do_nothing"].is_sure


def test_repetitions_of_a_seed_count_as_one() -> None:
    rows = [made("g", 1, 10), made("g", 1, 20, repetition=2), made("g", 2, 40)]

    (summary,) = group_summaries(rows)

    assert (summary.runs, summary.seeds, summary.utility.mean, summary.utility.count) == (3, 2, 27.5, 2)


def test_results_of_the_same_seeds_are_paired() -> None:
    ours, theirs = decided_by(thresholds), decided_by(do_nothing)

    first, _ = compare(ours, theirs)

    assert (first.group, first.paired, first.better) == ("high_load", True, 5)
    assert first.difference.mean == pytest.approx(first.ours.mean - first.theirs.mean)
    assert first.difference.is_sure


def test_pairs_are_made_of_the_seeds_that_both_have() -> None:
    ours = [made("g", seed, 100 + seed) for seed in (1, 2, 3)]
    theirs = [made("g", seed, 90 + seed) for seed in (2, 3, 4)]

    (made_pair,) = compare(ours, theirs)

    assert (made_pair.difference.mean, made_pair.difference.count, made_pair.better) == (10, 2, 2)


def test_results_of_other_seeds_are_compared_unpaired() -> None:
    ours = [made("g", seed, 100 + seed) for seed in (1, 2, 3)]
    theirs = [made("g", seed, 90 + seed) for seed in (11, 12, 13)]

    (comparison,) = compare(ours, theirs)

    assert (comparison.paired, comparison.better, comparison.difference.mean) == (False, None, 0)
    assert comparison.difference.low is not None


def test_single_pair_has_a_difference_without_an_interval() -> None:
    (comparison,) = compare([made("g", 1, 10)], [made("g", 1, 7)])

    assert (comparison.paired, comparison.difference.mean, comparison.difference.low) == (True, 3, None)


def test_results_without_a_scenario_in_common_are_refused() -> None:
    with pytest.raises(LLMConfigurationError, match="no scenario was finished in both results: a here, b there"):
        compare([made("a", 1, 1)], [made("b", 1, 1)])
