"""The page: every run and every failure is on it, nothing on it is live, and it needs nothing from elsewhere."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from polaris_llm.core.exceptions import ErrorRecord, OutcomeUnknownError
from polaris_llm.core.scenarios.baseline import thresholds
from polaris_llm.core.scenarios.families import failure_recovery
from polaris_llm.core.scenarios.html_report import report_html
from polaris_llm.core.scenarios.report_view import view_of
from polaris_llm.core.scenarios.results import SimulationResults
from polaris_llm.core.scenarios.scenario_file import ScenarioFile
from polaris_llm.core.scenarios.scenario_result import ScenarioFailure
from support.scenario_results import finished, with_problem

SCENARIOS = ScenarioFile.load("high_load", {"grid": {"plant.boot_s": [30, 60]}, "seeds": 3, "periods": 4}).scenarios()
RESULTS = tuple(map(finished, SCENARIOS))
FAILURE = ScenarioFailure(
    scenario=replace(SCENARIOS[0], name="broken-1"), error=ErrorRecord.of(OutcomeUnknownError("the actor died <b>thrice</b>"))
)
HOSTILE = "<script>alert('x')</script>"


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    VOID = frozenset({"meta", "br", "wbr"})

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_run_is_on_the_page_with_four_charts_and_its_decisions() -> None:
    page = Page(report_html(RESULTS))

    assert all(scenario.name in page.text for scenario in SCENARIOS)
    assert page.open == []
    assert [tag for tag, _ in page.tags].count("svg") == 1 + 4 * len(SCENARIOS)
    assert page.text.count("The 4 decisions") == len(SCENARIOS)
    for title in ("Response time, s", "Load, requests/s", "Dimmer", "Servers"):
        assert title in page.text


def test_failures_are_told_with_their_reasons() -> None:
    spoilt = with_problem(RESULTS[0], "SET_DIMMER takes a value from 0 to 1, not 54.397")

    page = Page(report_html((spoilt, *RESULTS[1:], FAILURE)))

    assert "the actor died <b>thrice</b>" in page.text
    assert "broken-1" in page.text
    assert page.text.count("SET_DIMMER takes a value from 0 to 1, not 54.397") == 2  # in the list, and at the decision
    assert "+ 1 failed" in page.text


def test_page_without_failures_says_so() -> None:
    assert "every run was finished, and every decision could be carried out" in Page(report_html(RESULTS)).text


def test_texts_of_models_and_users_are_escaped() -> None:
    scenario = replace(SCENARIOS[0], name=f"name{HOSTILE}", family=f"family{HOSTILE}")
    result = with_problem(finished(scenario, agent=f"agent{HOSTILE}"), f"problem{HOSTILE}", f"reasoning{HOSTILE}")

    source = report_html((result,), title=f"title{HOSTILE}", subtitle=f"subtitle{HOSTILE}")

    assert "<script" not in source
    page = Page(source)
    for kind in ("name", "family", "agent", "problem", "reasoning", "title", "subtitle"):
        assert f"{kind}{HOSTILE}" in page.text


def test_page_needs_nothing_from_elsewhere() -> None:
    source = report_html(RESULTS)
    page = Page(source)

    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "img", "iframe", "object"})
    assert all(not {"src", "href", "onclick"} & attributes.keys() for _, attributes in page.tags)
    assert not re.search(r"url\(|@import|https?://", source)


def test_charts_are_well_formed_and_stay_inside_their_frames() -> None:
    for chart in re.findall(r"<svg.*?</svg>", report_html(RESULTS), re.DOTALL):
        root = ElementTree.fromstring(chart)
        width, height = float(root.attrib["width"]), float(root.attrib["height"])
        limits = {"x1": width, "x2": width, "y1": height, "y2": height}
        for line in root.iter("line"):
            assert all(0 <= float(line.attrib[name]) <= limit for name, limit in limits.items())
        assert root.find("title") is not None


def test_breaking_servers_are_marked_in_the_charts() -> None:
    view = view_of([finished(failure_recovery(1), thresholds)])

    response = view.groups[0].runs[0].charts[0]
    assert str(response.image).count('class="mark"') == 2


def test_cost_is_told_where_all_of_it_is_known() -> None:
    priced = [replace(result, row=replace(result.row, cost_usd=1.25)) for result in RESULTS]

    assert f"{1.25 * len(RESULTS):.2f} USD" in Page(report_html(priced)).text
    assert "not known" in Page(report_html((*priced[1:], RESULTS[0]))).text


@pytest.mark.parametrize(("agent", "is_told"), [("mock (a script, no language model)", True), ("local model m", False)])
def test_page_says_when_a_mock_decided(agent: str, is_told: bool) -> None:
    text = Page(report_html([finished(SCENARIOS[0], agent=agent)])).text

    assert agent in text
    assert ("no language model was asked" in text) == is_told


def test_page_of_failures_only_is_a_page() -> None:
    page = Page(report_html([FAILURE]))

    assert "broken-1" in page.text
    assert "cost: no run was finished" in page.text
    assert page.open == []


def test_results_write_the_page(tmp_path: Path) -> None:
    path = SimulationResults(simulation_id="simulation-1", results=RESULTS, wall_s=12.3).to_html(tmp_path / "report.html", title="My day")

    text = Page(path.read_text(encoding="utf-8")).text
    assert "My day" in text
    assert "simulation-1, 12.3 s in all" in text
