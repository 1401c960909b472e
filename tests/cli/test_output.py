"""Tables and stories: whole in any terminal, plain where nobody looks."""

import io
from collections.abc import Sequence

import click
import pytest
from rich.console import Console
from rich.table import Column

from polaris_llm.cli.output import one_line, print_table, printable
from polaris_llm.cli.sessions import COLUMNS, WIDE_ONLY
from polaris_llm.cli.story import Story
from polaris_llm.core.events import Event, ModelResponded, RunEnded, RunStarted, ToolCompleted
from polaris_llm.core.inference import ModelResponse
from polaris_llm.core.parts import TextPart, ToolCallPart
from polaris_llm.core.runs import RunSpec
from polaris_llm.core.usage import Usage

ID = "0" * 8 + "-0000-4000-8000-" + "0" * 12
ROW = (ID, "completed", "12", "1,234,567", "12.3 s", "11-25 22:16:06", "Keep the response time low, " * 10)
LOG: Sequence[Event] = (
    RunStarted(run_id="r", spec=RunSpec(objective="Look at [the] farm"), at=100.0),
    ModelResponded(
        step=1,
        response=ModelResponse(
            model="m",
            parts=(TextPart(text="I look."), ToolCallPart(call_id="c", name="get_load", arguments={"server": "b"})),
            usage=Usage(input_tokens=1200, output_tokens=5),
            latency_s=1.25,
        ),
        at=101.25,
    ),
    ToolCompleted(call_id="c", content={"load": "x" * 1000}, duration_s=0.012, at=101.5),
    RunEnded(run_id="r", status="completed", result="fine", steps=1, tool_calls=1, duration_s=2.0, at=102.0),
)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Stdout counts as a terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    return monkeypatch


@pytest.mark.parametrize("width", [80, 200])
def test_a_table_fits_the_terminal_with_its_ids_whole(width: int, terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.setenv("COLUMNS", str(width))

    print_table(COLUMNS, [ROW, ROW], wide_only=WIDE_ONLY)

    heading, _, *rows = [line.rstrip() for line in click.unstyle(capsys.readouterr().out).splitlines()]
    assert (len(rows), max(map(len, rows))) == (2, width)
    assert all(row.startswith(f"{ID}  completed") and row.endswith("…") for row in rows)
    assert heading.split() == [str(column.header) for column in COLUMNS if width == 200 or column.header not in WIDE_ONLY]


def test_for_programs_a_table_is_lines_of_fields_apart_by_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([Column("a", no_wrap=True), Column("b")], [("1", "x" * 300), ("2", "y")], wide_only={"a"})

    assert capsys.readouterr().out == f"1\t{'x' * 300}\n2\ty\n"


def test_an_empty_table_is_a_heading(terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, [])

    assert "session" in capsys.readouterr().out


@pytest.mark.parametrize("width", [80, 200])
def test_a_story_fits_the_terminal(width: int) -> None:
    screen = io.StringIO()
    story = Story(Console(file=screen, width=width, force_terminal=True, color_system=None))

    for event in LOG:
        story.tell(event)

    lines = screen.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    assert lines[0].split(maxsplit=2)[:2] == ["0.00s", "run"]
    assert "Look at [the] farm" in lines[0]
    assert "1.25s" in lines[1]


def test_a_story_for_programs_is_one_line_per_event(capsys: pytest.CaptureFixture[str]) -> None:
    story = Story(Console())

    for event in LOG:
        story.tell(event)

    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [["0.00s", "run"], ["1.25s", "step 1"], ["1.25s", "step 1"], ["1.50s", "tool"], ["2.00s", "end"]]
    assert lines[1][2] == "the model says: I look."
    assert lines[2][2] == 'the model calls get_load(server="b") (1,200+5 tokens, 1.2 s)'
    assert lines[3][2].startswith('get_load answered in 12 ms: {"load": "xxx')
    assert lines[3][2].endswith("xxx...")
    assert lines[4][2] == "completed (1 step, 1 tool call, 0+0 tokens, 2.0 s)"


def test_what_could_steer_a_terminal_is_spelled_out() -> None:
    assert printable("a\x1b[2J\x07\r\nß\t€ \u202e") == "a\\x1b[2J\\x07\\r\nß\t€ \\u202e"
    assert one_line("a\n  b\tc\x00") == "a b c\\x00"
