"""`polaris-llm doctor`: every check says what it found, and what to do where something is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from polaris_llm.cli.checks_of_machine import disk_finding, extra_finding, memory_finding, status_finding, token_finding
from polaris_llm.cli.checks_of_settings import key_finding, model_finding
from polaris_llm.core.provider_settings import ProviderSettings
from support.command_line import run

KEY = "sk-live-0123456789abcdef"


def findings(*arguments: str, **environ: str) -> dict[str, dict[str, Any]]:  # JSON
    """What the doctor found, by the names of its checks."""
    return {finding["check"]: finding for finding in json.loads(run("doctor", "--json", *arguments, **environ).stdout)}


def test_a_machine_on_which_all_is_well_is_exit_code_0(tmp_path: Path) -> None:
    result = run("doctor", XDG_STATE_HOME=str(tmp_path))

    rows = {check: verdict for check, verdict, _ in (line.split("\t") for line in result.stdout.splitlines())}
    assert result.exit_code == 0
    assert {rows[check] for check in ("Python", "polaris-llm", "Ray", "settings", "model of default")} == {"ok"}
    assert rows["runtime"] == "skipped"


def test_what_is_wrong_with_settings_and_keys_is_told_with_its_remedy_and_no_key_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "llm.yaml"
    file.write_text(
        "llm: {kind: openai, model: m, api_key: env:MISSING_KEY}\nproviders: {other: {kind: openai, model: m, api_key: env:SOME_KEY}}\n"
    )

    result = run("doctor", "--settings", str(file), "--offline", MISSING_KEY="", SOME_KEY=KEY, XDG_STATE_HOME=str(tmp_path))

    told = {check: (verdict, text) for check, verdict, text in (line.split("\t") for line in result.stdout.splitlines())}
    assert (result.exit_code, KEY in result.output) == (1, False)
    assert told["key of default"][0] == "wrong"
    assert "nothing is found at env:MISSING_KEY: set the variable" in told["key of default"][1]
    assert (told["model of default"][0], told["key of other"][0], told["model of other"][0]) == ("skipped", "ok", "skipped")


def test_settings_that_do_not_load_are_told(tmp_path: Path) -> None:
    found = findings("--set", "llm.knd=mock", XDG_STATE_HOME=str(tmp_path))

    assert found["settings"]["verdict"] == "wrong"
    assert "did you mean 'kind'?" in found["settings"]["detail"]
    assert "model of default" not in found


def test_a_file_with_settings_that_are_not_used_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "llm.yaml"
    file.write_text("llm: {kind: mock, enable_streaming: true}\n")

    found = findings("--settings", str(file), XDG_STATE_HOME=str(tmp_path))

    assert (found["settings"]["verdict"], "polaris-llm config check" in found["settings"]["remedy"]) == ("warning", True)


@pytest.mark.anyio
async def test_a_model_server_that_is_not_there_is_wrong_at_the_first_attempt() -> None:
    nowhere = ProviderSettings(kind="local", base_url="http://127.0.0.1:9/v1", model="m", max_retries=9)

    finding = await model_finding("default", nowhere, 30.0)

    assert finding.verdict == "wrong"
    assert finding.remedy == "start the model server, or mend base_url (http://127.0.0.1:9/v1)"


@pytest.mark.anyio
async def test_a_model_that_does_not_answer_in_time_is_wrong() -> None:
    finding = await model_finding("default", ProviderSettings(latency_s=100.0), 0.2)

    assert (finding.verdict, "--timeout" in finding.remedy) == ("wrong", True)


@pytest.mark.anyio
async def test_a_key_of_a_function_is_looked_up_and_not_shown() -> None:
    assert (await key_finding("default", "call:support.command_tools:token")).verdict == "ok"
    assert (await key_finding("default", "call:support.command_tools:nothing")).verdict == "wrong"


def test_the_disk_and_the_shared_memory_are_measured(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 50)
    long.mkdir()

    assert "too long for Ray's sockets" in disk_finding(long).detail
    assert memory_finding(tmp_path, 1).verdict == "ok"
    assert memory_finding(tmp_path, 1 << 60).verdict == "warning"
    assert memory_finding(tmp_path / "missing", 1).verdict == "skipped"


def test_a_token_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    token = tmp_path / "auth_token"
    assert token_finding(token).verdict == "skipped"

    token.write_text("0")
    token.chmod(0o644)
    assert token_finding(token).verdict == "warning"

    token.chmod(0o600)
    assert token_finding(token).verdict == "ok"


def test_an_extra_is_installed_or_it_is_told_how() -> None:
    assert extra_finding("repair").verdict == "ok"
    assert extra_finding("dev").verdict == "ok"


def test_a_runtime_that_lacks_tool_workers_is_a_warning_that_says_which() -> None:
    actors: dict[str, Any] = {"polaris/pools": {"hired": {}}, "polaris/cache": {"error": "it does not answer"}}
    assert status_finding("polaris", {"address": "here", "actors": actors}).verdict == "ok"

    actors["polaris/pools"]["missing"] = {"needs-simulate": "1 worker is wanted: add such a node"}
    finding = status_finding("polaris", {"address": "here", "actors": actors})

    assert (finding.verdict, finding.remedy) == ("warning", "tool pool needs-simulate: 1 worker is wanted: add such a node")
