"""The families that the package brings are what their files say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polaris_llm.core.scenarios.baseline import thresholds
from polaris_llm.core.scenarios.control_loop import run_policy
from polaris_llm.core.scenarios.families import FAMILIES, failure_recovery, high_load, mixed_workload, normal, resource_constraint
from polaris_llm.core.scenarios.scenario import SCENARIO
from polaris_llm.core.scenarios.scenario_file import FAMILIES_FOLDER, ScenarioFile, shipped
from polaris_llm.core.scenarios.web_farm import FarmParameters

ONE_SERVER = 1 / FarmParameters().optional_service_s
SEEDS = range(1, 21)
seeds = st.integers(0, 10_000)


def test_there_are_five_families() -> None:
    assert shipped() == tuple(sorted(FAMILIES)) == ("failure_recovery", "high_load", "mixed_workload", "normal", "resource_constraint")


@pytest.mark.parametrize("family", shipped())
def test_family_says_what_it_is_in_comments_and_in_a_description(family: str) -> None:
    text = (FAMILIES_FOLDER / f"{family}.yaml").read_text(encoding="utf-8")
    file = ScenarioFile.load(family)

    assert text.startswith("# ")
    assert "What there is to gain:" in text or "shape follows" in text
    assert (file.name, bool(file.description)) == (family, True)


@pytest.mark.parametrize("family", shipped())
@given(seed=seeds, periods=st.integers(1, 30))
@settings(max_examples=20, deadline=None)
def test_scenarios_are_json_and_come_back_equal(family: str, seed: int, periods: int) -> None:
    scenario = FAMILIES[family](seed, periods)

    assert SCENARIO.validate_json(SCENARIO.dump_json(scenario)) == scenario
    assert (scenario.family, scenario.seed, scenario.periods, scenario.name) == (family, seed, periods, f"{family}-{seed}")
    assert scenario == FAMILIES[family](seed, periods)


@pytest.mark.parametrize("family", shipped())
def test_seeds_differ(family: str) -> None:
    assert len({FAMILIES[family](seed).trace for seed in SEEDS}) == len(SEEDS)


def test_normal_load_is_borne_by_two_servers_and_sometimes_by_one() -> None:
    for seed in SEEDS:
        assert max(normal(seed).trace) < 2 * ONE_SERVER
        assert min(normal(seed).trace) < ONE_SERVER


def test_high_load_outgrows_one_server_and_peaks_above_its_plateau() -> None:
    for seed in SEEDS:
        scenario = high_load(seed)
        assert scenario.trace[0] < ONE_SERVER
        assert max(scenario.trace) > 2.5 * ONE_SERVER
        assert scenario.trace.index(max(scenario.trace)) >= 6
        assert (scenario.initial.active, scenario.failures) == (1, ())


def test_constrained_farm_has_two_slow_servers_and_a_load_beyond_them() -> None:
    for seed in SEEDS:
        scenario = resource_constraint(seed)
        assert (scenario.parameters.max_servers, scenario.parameters.boot_s, scenario.parameters.limits.max_dimmer_step) == (2, 120, 0.5)
        assert max(scenario.trace) > 2 * ONE_SERVER


def test_one_server_fails_in_each_half_of_failure_recovery() -> None:
    for seed in SEEDS:
        first, second = (failure.period for failure in failure_recovery(seed).failures)
        assert 1 <= first <= 6 < second <= 12
        assert max(failure_recovery(seed).trace) < 3 * ONE_SERVER


def test_mixed_workload_falls_bursts_and_breaks_a_server_late() -> None:
    for seed in SEEDS:
        scenario = mixed_workload(seed)
        assert scenario.periods == 24
        assert max(scenario.trace) > 1.4 * min(scenario.trace)
        assert [failure.period > 18 for failure in scenario.failures] == [True]


@pytest.mark.parametrize("family", shipped())
def test_thresholds_can_run_every_family(family: str) -> None:
    assert run_policy(FAMILIES[family](1), thresholds).finished
