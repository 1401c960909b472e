"""`polaris-llm` where a person sits: it fits the terminal, is coloured, shows progress, and obeys Ctrl-C."""

from pathlib import Path

import pytest

from support.command_line import ESCAPE, MODEL
from support.runtime_model import call, plan, tell_results
from support.terminal import CTRL_C, CTRL_D, terminal


@pytest.mark.parametrize("columns", [80, 200])
def test_a_simulation_shows_its_progress_and_its_tables_in_the_width_there_is(columns: int) -> None:
    with terminal("run", "high_load", "--seeds", "2", "--periods", "2", columns=columns) as screen:
        assert screen.ended() == 0

    assert f"{ESCAPE}[1;" in screen.shown or f"{ESCAPE}[3" in screen.shown
    assert any(line.startswith("decisions ━") and " 4/4 " in line for line in screen.lines)
    assert any(line.startswith("group ") and ("over proactive" in line) == (columns == 200) for line in screen.lines)
    assert max(map(len, screen.lines)) <= columns


def test_ctrl_c_ends_a_simulation_and_tells_how_to_go_on(tmp_path: Path) -> None:
    manifest = f"{tmp_path}/runs.jsonl"

    with terminal("run", "high_load", "--manifest", manifest, "--set", "llm.latency_s=1000") as screen:
        screen.wait_for("3 runs, 36 decisions")
        screen.type(CTRL_C)

        assert screen.ended() == 130
    assert "runs.jsonl: the same command goes on from there." in "".join(screen.lines)
    assert "Interrupted" in screen.lines
    assert "Traceback" not in screen.shown


def test_ctrl_c_stops_an_answer_and_the_talk_goes_on_until_ctrl_d() -> None:
    with terminal("chat", "--set", "llm.latency_s=20") as screen:
        screen.wait_for("> ")
        screen.type("hello\n")
        screen.wait_for("This is")
        screen.type(CTRL_C)
        screen.wait_for("(stopped; the question is forgotten)\r\n> ")
        screen.type(CTRL_D)

        assert screen.ended() == 0
    assert "Traceback" not in screen.shown


@pytest.mark.parametrize(("typed", "told"), [("y", "a is back"), ("n", "refused at the terminal")])
def test_a_tool_call_that_asks_for_consent_is_asked_for_at_the_terminal(typed: str, told: str) -> None:
    objective = plan(call("reboot", server="a"), tell_results())

    with terminal("ask", objective, "--tool", "support.runtime_tools:reboot", "--set", MODEL, columns=200) as screen:
        screen.wait_for("Run reboot? [y/N]: ")
        screen.type(f"{typed}\n")

        assert screen.ended() == 0
    assert told in screen.lines[-2]
