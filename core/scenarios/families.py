"""The families of scenarios that the package brings, by name. What each is stands in its file in `families/`."""

from collections.abc import Callable
from functools import partial

from pydantic import JsonValue

from .scenario import Scenario
from .scenario_file import ScenarioFile, shipped


def scenario(family: str, seed: int, periods: int | None = None) -> Scenario:
    """The scenario of a family that this seed makes, of so many periods or of the family's own number."""
    overrides: dict[str, JsonValue] = {"seeds": [seed]} if periods is None else {"seeds": [seed], "periods": periods}
    (made,) = ScenarioFile.load(family, overrides).scenarios()
    return made


FAMILIES: dict[str, Callable[..., Scenario]] = {name: partial(scenario, name) for name in shipped()}
"""By name; each takes a seed and the number of periods."""

normal, high_load, resource_constraint, failure_recovery, mixed_workload = (
    FAMILIES[name] for name in ("normal", "high_load", "resource_constraint", "failure_recovery", "mixed_workload")
)
