"""Scenarios that cannot be run are refused when they are made, by code or from JSON."""

from typing import Any

import pytest
from pydantic import ValidationError

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.scenarios.families import high_load
from polaris_llm.core.scenarios.scenario import SCENARIO

JSON: dict[str, Any] = SCENARIO.dump_python(high_load(1), mode="json")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"trace": [20.0]}, "give two rates or more"),
        ({"trace": [20.0, -1.0]}, "none of them below 0"),
        ({"initial": {"active": 4}}, "begins with 4 servers of at most 3"),
        ({"initial": {"dimmer": 1.5}}, "less than or equal to 1"),
        ({"parameters": {"basic_service_s": 0.05}}, "optional content must cost time"),
        ({"parameters": {"max_servers": 0}}, "greater than 0"),
        ({"failures": [{"period": 0}]}, "greater than 0"),
    ],
)
def test_scenario_that_cannot_be_run_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        SCENARIO.validate_python({**JSON, **changes})


def test_periods_below_one_are_refused() -> None:
    with pytest.raises(LLMConfigurationError, match="periods = 0: expected to be greater than or equal to 1"):
        high_load(1, periods=0)


def test_smaller_farm_can_be_described_in_json() -> None:
    scenario = SCENARIO.validate_python({**JSON, "parameters": {"max_servers": 2, "boot_s": 120}})

    assert (scenario.parameters.max_servers, scenario.parameters.boot_s, scenario.parameters.sla_s) == (2, 120, 0.75)
