"""Charts from values: where lines and dots stand, and what becomes of odd values."""

from xml.etree import ElementTree

import pytest

from polaris_llm.core.scenarios.estimates import Estimate, estimate
from polaris_llm.core.scenarios.svg_charts import Interval, IntervalGroup, Series, interval_chart, nice_ceiling, step_chart


def parts(chart: str, kind: str) -> list[dict[str, str]]:
    """The attributes of all elements of a class."""
    return [element.attrib for element in ElementTree.fromstring(chart).iter() if kind in element.attrib.get("class", "").split()]


def names(chart: str, kind: str) -> list[str | None]:
    """The texts of a class."""
    return [element.text for element in ElementTree.fromstring(chart).iter() if element.attrib.get("class") == kind]


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0), (-4, 0), (1, 1), (1.01, 2), (4.9, 5), (5.1, 8), (8.1, 10), (90, 100), (0.23, 0.3), (1500, 2000)]
)
def test_axes_end_at_round_numbers(value: float, expected: float) -> None:
    assert nice_ceiling(value) == pytest.approx(expected)


def test_values_hold_for_a_period_each() -> None:
    (path,) = parts(step_chart("t", [Series(values=(0, 5, 10), colour="load")]), "load")

    assert path["d"].count("H") == path["d"].count("V") == 3
    assert path["d"].startswith("M40")
    assert path["d"].endswith("H266.0")  # to the right edge


def test_limit_and_marks_are_lines_of_their_own() -> None:
    chart = step_chart("t", [Series(values=(1, 1, 1, 1), colour="load")], limit=2.0, marks=[1, 3])

    assert len(parts(chart, "limit")) == 1
    assert [mark["x1"] for mark in parts(chart, "mark")] == ["40.0", "153.0"]


def test_values_of_nothing_but_zero_have_an_axis() -> None:
    assert "1</text>" in step_chart("t", [Series(values=(0, 0), colour="load")])


def test_dots_and_spans_stand_where_their_values_are() -> None:
    group = IntervalGroup(name="g", intervals=(Interval(name="a", estimate=estimate([0.0, 100.0]), colour="agents"),))
    alone = IntervalGroup(name="h", intervals=(Interval(name="a", estimate=estimate([50.0]), colour="agents"),))

    chart = interval_chart("t", [group, alone])

    dots, spans = parts(chart, "dot"), parts(chart, "span")
    assert [dot["cx"] for dot in dots] == [dots[0]["cx"]] * 2
    assert len(spans) == 1  # one value has no interval
    assert float(spans[0]["x1"]) < float(dots[0]["cx"]) < float(spans[0]["x2"])


def test_losses_stand_left_of_the_line_at_zero() -> None:
    low = Interval(name="a", estimate=Estimate(mean=-80, low=-90, high=-70, count=3), colour="agents")

    chart = interval_chart("t", [IntervalGroup(name="g", intervals=(low,))])

    assert float(parts(chart, "dot")[0]["cx"]) < float(parts(chart, "zero")[0]["x1"])


def test_long_and_hostile_names_are_shortened_and_escaped() -> None:
    chart = interval_chart("<t>", [IntervalGroup(name="<b>" + "x" * 60, intervals=())])

    assert names(chart, "name") == ["<b>" + "x" * 32 + "…"]


def test_choices_of_a_grid_stand_below_the_family() -> None:
    chart = interval_chart("t", [IntervalGroup(name="high_load[boot_s=30,end=50]", intervals=())])

    assert (names(chart, "name"), names(chart, "variant")) == (["high_load"], ["boot_s=30,end=50"])


def test_chart_of_no_groups_is_a_chart() -> None:
    assert ElementTree.fromstring(interval_chart("t", [])).attrib["role"] == "img"
