"""Numbers of a scenario file that a seed may choose, and the seeds: how they are written, and how they are drawn."""

import random
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

Range = tuple[float, float]


def _range(value: object, highest: float) -> Range:
    pair = value if isinstance(value, list | tuple) else (value, value)
    numbers = [number for number in pair if isinstance(number, int | float) and not isinstance(number, bool)]
    if len(pair) != 2 or len(numbers) != 2:
        raise ValueError(f"{value!r:.80}: expected a number, or [lowest, highest] for each seed to draw from")
    if not 0 <= numbers[0] <= numbers[1] <= highest:
        bound = "of 0 or more" if highest == float("inf") else f"from 0 to {highest:g}"
        raise ValueError(f"{value}: expected a number {bound}, or [lowest, highest] of such numbers")
    return float(numbers[0]), float(numbers[1])


def _schema(**number: object) -> dict[str, Any]:  # a JSON schema
    one = {"type": "number", "minimum": 0, **number}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 2, "maxItems": 2}]}


Drawn = Annotated[Range, BeforeValidator(lambda value: _range(value, float("inf"))), WithJsonSchema(_schema())]
"""A number, or [lowest, highest]: then each seed draws one."""

DrawnShare = Annotated[Range, BeforeValidator(lambda value: _range(value, 1.0)), WithJsonSchema(_schema(maximum=1))]
"""A share of the run, 0 to 1, or [lowest, highest]."""


def _seeds(value: object) -> tuple[object, ...]:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 100_000:
        return tuple(range(1, value + 1))
    if isinstance(value, list | tuple) and value and len(set(map(repr, value))) == len(value):
        return tuple(value)
    raise ValueError("expected how many seeds, at least 1, or a list of different seeds")


Seeds = Annotated[
    tuple[int, ...],
    BeforeValidator(_seeds),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "array", "items": {"type": "integer"}, "minItems": 1}]}),
]
"""How many seeds, from 1 on, or which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """What one seed draws: each number has chance of its own, so that changing one setting leaves the others as they were.

    Runs that differ in one setting thus meet the same chance (common random numbers), and their differences are the setting's.
    """

    seed: int

    def number(self, name: str, between: Range) -> float:
        """The number drawn for a setting, by its path."""
        low, high = between
        return low if low == high else self.chance(name).uniform(low, high)

    def chance(self, name: str) -> random.Random:
        """The chance that belongs to a name."""
        return random.Random(f"{self.seed} {name}")
