"""`polaris-llm chat`: what is piped in is answered line by line, and remembered."""

import json

import pytest
from click.testing import CliRunner

from polaris_llm.cli import main
from support.command_line import MODEL, run
from support.runtime_model import answer, call, fail, plan, tell_all

ADD = "support.runtime_tools:add"


def test_each_line_is_answered() -> None:
    result = run("chat", "--set", MODEL, said="hello\n\n  and you?  \n")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "heard: hello\nheard: and you?\n", "")


def test_the_model_is_shown_what_was_said_before() -> None:
    result = run("chat", "--set", MODEL, "--system", "Be kind.", said=f"hello\n{plan(tell_all())}\n")

    history = json.loads(result.stdout.splitlines()[1])
    assert history == [["user", "hello"], ["assistant", "heard: hello"], ["user", plan(tell_all())]]


def test_a_line_that_is_no_utf_8_is_read_as_far_as_it_can_be() -> None:
    result = CliRunner().invoke(main, ["chat", "--set", MODEL], input=b"caf\xe9\n")

    assert (result.exit_code, result.stdout) == (0, "heard: caf\ufffd\n")


def test_quit_ends_it() -> None:
    assert run("chat", "--set", MODEL, said="hello\n/quit\nmore\n").stdout == "heard: hello\n"


def test_as_json_each_answer_is_a_line() -> None:
    result = run("chat", "--set", MODEL, "--json", said="one\ntwo\n")

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["question"], line["answer"]) for line in lines] == [("one", "heard: one"), ("two", "heard: two")]
    assert lines[0]["usage"]["output_tokens"] == 5


def test_with_tools_each_line_is_a_run_of_one_session() -> None:
    lines = f"{plan(call('add', a=2, b=3), answer('five'))}\n{plan(tell_all())}\n"

    result = run("chat", "--set", MODEL, "--tool", ADD, "--json", said=lines)

    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["answer"], first["steps"], first["tool_calls"]) == ("five", 2, 1)
    assert first["session_id"] == second["session_id"]
    assert ["assistant", "five"] in json.loads(second["answer"])


@pytest.mark.parametrize("tools", [(), ("--tool", ADD)], ids=["model", "agent"])
def test_an_error_ends_what_is_piped_in(tools: tuple[str, ...]) -> None:
    result = run("chat", "--set", MODEL, *tools, said=f"{plan(fail('out of order'))}\nmore\n")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "out of order" in result.stderr


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    result = run("chat", "--set", "llm.latency_s=100", "--timeout", "1", said="hello\n")

    assert result.exit_code == 1
    assert "Error: " in result.stderr


def test_what_could_steer_the_terminal_is_spelled_out() -> None:
    red = plan(answer("red: \x1b[31m"))

    assert run("chat", "--set", MODEL, said=f"{red}\n").stdout == "red: \\x1b[31m\n"
