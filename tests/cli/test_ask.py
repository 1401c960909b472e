"""`polaris-llm ask`: an objective's story on stderr, its answer on stdout, and an exit code that tells of the run."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.command_line import MODEL, run
from support.runtime_model import answer, call, fail, plan

ADD = "support.runtime_tools:add"


def test_the_answer_goes_to_stdout_and_the_steps_to_stderr() -> None:
    result = run("ask", plan(call("add", a=2, b=3), answer("it is\n5")), "--tool", ADD, "--set", MODEL)

    told = [line.split("\t")[1:] for line in result.stderr.splitlines()]
    assert (result.exit_code, result.stdout) == (0, "it is\n5\n")
    assert [what for what, _ in told] == ["run", "step 1", "tool", "step 2", "end"]
    assert told[1][1].startswith("the model calls add(a=2, b=3) (10+5 tokens, ")
    assert told[2][1].endswith(": 5")
    assert told[4][1].startswith("completed (2 steps, 1 tool call, 20+10 tokens, ")


def test_quietly_only_the_answer_is_printed() -> None:
    result = run("ask", plan(answer("done")), "--set", MODEL, "--quiet")

    assert (result.stdout, result.stderr) == ("done\n", "")


def test_a_dash_reads_the_objective_from_stdin() -> None:
    assert run("ask", "-", "--set", MODEL, said=plan(answer("read"))).stdout == "read\n"


def test_as_json_every_event_is_a_line_and_the_last_holds_the_answer() -> None:
    result = run("ask", plan(answer("done")), "--set", MODEL, "--json")

    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.exit_code, result.stderr) == (0, "")
    assert [event["kind"] for event in events] == ["run_started", "model_responded", "run_ended"]
    assert len({event["session_id"] for event in events}) == 1
    assert (events[-1]["status"], events[-1]["result"]) == ("completed", "done")


@pytest.mark.parametrize("options", [(), ("--quiet",), ("--json",)])
def test_a_run_without_an_answer_is_exit_code_4_and_says_why(options: tuple[str, ...]) -> None:
    result = run("ask", plan(fail("out of order")), "--set", MODEL, *options)

    assert result.exit_code == 4
    assert "out of order" in result.output
    assert ("out of order" in result.stdout) == ("--json" in options)


def test_steps_are_bounded_as_asked() -> None:
    result = run("ask", plan(call("add", a=1, b=1)), "--tool", ADD, "--set", MODEL, "--max-steps", "2")

    assert result.exit_code == 4
    assert "max_iterations" in result.stderr


def test_a_live_tool_runs_in_this_process() -> None:
    result = run("ask", plan(call("getpid"), {"results": True}), "--live-tool", "support.command_tools:getpid", "--set", MODEL)

    assert json.loads(result.stdout) == [os.getpid()]


def test_tools_of_the_working_directory_are_found(tmp_path: Path) -> None:
    (tmp_path / "tools_of_here.py").write_text("def here(mock: str) -> str:\n    '''Where.'''\n    return 'found'\n")
    command = [sys.executable, "-P", "-m", "polaris_llm", "ask", "x", "--tool", "tools_of_here:here", "--json"]

    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert [event["content"] for line in outcome.stdout.splitlines() if (event := json.loads(line))["kind"] == "tool_completed"] == [
        "found"
    ]


@pytest.mark.parametrize(("options", "told"), [((), "nobody was asked"), (("--yes",), "a is back")])
def test_a_tool_call_that_asks_for_consent_gets_it_only_if_that_was_said_before(options: tuple[str, ...], told: str) -> None:
    result = run(
        "ask", plan(call("reboot", server="a"), {"results": True}), "--tool", "support.runtime_tools:reboot", "--set", MODEL, *options
    )

    assert result.exit_code == 0
    assert told in result.stdout


def test_without_a_model_it_is_told_that_a_mock_answers() -> None:
    assert "a mock answers" in run("ask", "x").stderr
    assert "a mock answers" not in run("ask", "x", "--provider", "mock").stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--tool", "telescope"), "unknown tool 'telescope'; known: calculator, echo"),
        (("--tool", "nowhere:tool"), "'nowhere' cannot be imported"),
        (("--use", "other"), "unknown provider 'other'; known: default"),
        (("--set", "llm.knd=mock"), "llm.knd = 'mock': unknown name; did you mean 'kind'?"),
        (("--set", "llm"), "--set 'llm' is no PATH=VALUE"),
        (("--settings", "missing.yaml"), "cannot read the settings file missing.yaml"),
        (("--provider", "local"), "kind 'local' needs model, needs base_url"),
    ],
)
def test_an_error_of_the_users_is_told_without_a_traceback(arguments: tuple[str, ...], problem: str) -> None:
    result = run("ask", "x", *arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert problem in result.stderr
    assert "Error: " in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_settings_of_ones_own_and_a_runtime_that_has_its_own_do_not_go_together() -> None:
    result = run("ask", "x", "--connect", "--model", "m")

    assert result.exit_code == 2
    assert "--connect asks a runtime that has settings of its own" in result.stderr


@pytest.mark.parametrize("command", [("ask", "x"), ("chat",), ("run", "high_load")], ids=" ".join)
@pytest.mark.parametrize("place", [("--name", "other"), ("--namespace", "other"), ("--address", "auto")], ids=" ".join)
def test_a_running_runtime_is_named_with_connect_only(command: tuple[str, ...], place: tuple[str, ...]) -> None:
    result = run(*command, *place)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "say --connect too" in result.stderr


@pytest.mark.parametrize("objective", ["", " ", "-"])
def test_an_objective_of_nothing_is_wrong_usage(objective: str) -> None:
    result = run("ask", objective, said="\n")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "the objective is empty" in result.stderr


def test_ctrl_c_ends_the_run_with_exit_code_130_and_no_traceback() -> None:
    command = [sys.executable, "-m", "polaris_llm", "ask", "x", "--set", "llm.latency_s=100"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert next(line for line in process.stderr if "\trun\t" in line)
        process.send_signal(signal.SIGINT)
        output, said = process.communicate(timeout=30)

    assert (process.returncode, output) == (130, "")
    assert said.splitlines()[-1] == "Interrupted"
    assert "Traceback" not in said
