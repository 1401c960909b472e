"""`polaris-llm demo`: a farm is adapted, and the agent's figures stand beside the baseline's."""

import json

from support.command_line import run

SMALL = ("demo", "--engine", "inline", "--seeds", "1", "--periods", "2")


def test_the_demo_prints_a_row_per_run_and_how_it_did() -> None:
    result = run(*SMALL)

    assert result.exit_code == 0
    assert "high_load-1" in result.stdout
    assert "of 2 runs" in result.stdout
    assert "decided by mock (a script, no language model)" in result.stderr


def test_the_demo_speaks_json() -> None:
    told = json.loads(run(*SMALL, "--json").stdout)

    assert [row["scenario"] for row in told["runs"]] == ["failure_recovery-1", "high_load-1"]
    assert told["failures"] == []
