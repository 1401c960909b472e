"""Means with intervals: the quantiles of the tables, and intervals that cover what they should."""

import random
from statistics import NormalDist, variance

import pytest

from polaris_llm.core.scenarios.estimates import difference, estimate, paired_difference, student_t


@pytest.mark.parametrize(
    ("degrees", "expected"),  # two-sided 95 %, as in every table of Student's t, such as Abramowitz and Stegun, table 26.10
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (9, 2.262), (10, 2.228), (20, 2.086), (30, 2.042), (120, 1.980)],
)
def test_quantiles_are_those_of_the_tables(degrees: int, expected: float) -> None:
    assert student_t(degrees) == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize(("confidence", "expected"), [(0.90, 1.812), (0.99, 3.169)])
def test_other_confidences_have_other_quantiles(confidence: float, expected: float) -> None:
    assert student_t(10, confidence) == pytest.approx(expected, abs=6e-4)


def test_many_values_make_the_quantile_normal() -> None:
    normal = NormalDist().inv_cdf(0.975)

    assert student_t(1999) == pytest.approx(normal, rel=1e-3)
    assert student_t(5000) == normal


def test_interval_of_a_mean_is_the_textbooks() -> None:
    made = estimate([4.0, 6.0, 8.0])  # s = 2, t(2) = 4.303

    assert (made.mean, made.count) == (6.0, 3)
    assert made.low == pytest.approx(6 - 4.303 * 2 / 3**0.5, abs=1e-3)
    assert made.high == pytest.approx(6 + 4.303 * 2 / 3**0.5, abs=1e-3)


def test_one_value_has_no_interval_and_is_not_sure() -> None:
    made = estimate([5.0])

    assert (made.mean, made.low, made.high, made.is_sure) == (5.0, None, None, False)


def test_pairs_take_the_seeds_own_level_out() -> None:
    levels = [10.0, 200.0, 3000.0, 40.0]

    made = paired_difference([level + gain for level, gain in zip(levels, (1, 2, 1, 2), strict=True)], levels)

    assert made.mean == 1.5
    assert made.is_sure


def test_unpaired_difference_has_the_degrees_of_welch() -> None:
    ours, theirs = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9], [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0]
    first, second = variance(ours) / 6, variance(theirs) / 8
    degrees = (first + second) ** 2 / (first**2 / 5 + second**2 / 7)

    made = difference(ours, theirs)

    assert made.mean == pytest.approx(-2.5, abs=1e-9)
    assert made.high is not None
    assert made.high - made.mean == pytest.approx(student_t(degrees) * (first + second) ** 0.5)


@pytest.mark.parametrize(("ours", "theirs"), [([1.0], [2.0, 3.0]), ([1.0], [2.0])])
def test_difference_of_too_few_values_has_no_interval(ours: list[float], theirs: list[float]) -> None:
    assert difference(ours, theirs).low is None


def test_equal_values_leave_no_doubt() -> None:
    assert difference([2.0, 2.0], [1.0, 1.0]).is_sure


def test_intervals_cover_the_mean_nineteen_times_in_twenty() -> None:
    rng = random.Random(7)

    made = [estimate([rng.gauss(3.0, 2.0) for _ in range(5)]) for _ in range(4000)]

    covered = sum(one.low <= 3.0 <= one.high for one in made if one.low is not None and one.high is not None)
    assert covered / len(made) == pytest.approx(0.95, abs=0.012)
