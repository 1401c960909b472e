"""Settings come from a file, a mapping or nothing, and are the same in every process."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.provider_settings import ProviderSettings
from polaris_llm.core.runs import RunLimits
from polaris_llm.core.settings import ConversationSettings, RuntimeSettings, Settings
from polaris_llm.core.tool_functions import load_tool
from support.secret_functions import renewed

KEY = "sk-live-0123456789abcdef"


def test_no_file_means_a_local_ray_with_the_mock_provider() -> None:
    settings = Settings.load()

    assert (settings.runtime.engine, settings.runtime.address) == ("ray", None)
    assert settings.provider() == ProviderSettings(kind="mock")


def test_a_run_is_limited_as_its_own_defaults_say() -> None:
    settings = ConversationSettings()

    limits = RunLimits(max_steps=settings.max_steps, deadline_s=settings.deadline_s, caller_timeout_s=settings.caller_timeout_s)

    assert limits == RunLimits()


def test_the_default_tools_are_found_where_the_settings_say() -> None:
    references = Settings().tool_registry.tools

    assert [load_tool(reference).name for reference in references] == ["echo", "calculator"]


def test_a_file_sets_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "llm.yaml"
    path.write_text("caching: {default_ttl_s: 60}\ntool_registry:\n  tools: ['pkg.tools:Weather']\nruntime: {engine: inline}\n")

    settings = Settings.load(path)

    assert settings == Settings.load(str(path))
    assert settings.tool_registry.tools == ("pkg.tools:Weather",)
    assert settings.caching == Settings().caching.model_copy(update={"default_ttl_s": 60.0})
    assert settings.runtime == RuntimeSettings(engine="inline")


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "llm.yaml").write_text("# nothing yet\n")

    assert Settings.load(tmp_path / "llm.yaml") == Settings()


def test_llm_is_the_default_provider_and_takes_the_names_of_polaris() -> None:
    written = {
        "provider": "openai",
        "api_endpoint": "https://host/v1/",
        "api_key": "env:KEY",
        "model_name": "m",
        "timeout": 5,
        "retry_delay": 2,
    }

    settings = Settings.load({"llm": written})

    expected = {"kind": "openai", "base_url": "https://host/v1", "api_key": "env:KEY", "model": "m", "timeout_s": 5, "retry_delay_s": 2}
    assert settings.provider("default") == Settings.load({"providers": {"default": expected}}).provider("default")


def test_an_endpoint_tells_models_apart_and_holds_no_secret() -> None:
    wanted = {"kind": "openai", "model": "m", "api_key": "env:KEY", "headers": {"X-Token": "t"}, "extras": {"key": "k"}}
    endpoint = Settings.load({"llm": wanted}).provider().endpoint

    assert {name: value for name, value in endpoint.items() if value is not None} == {"kind": "openai", "model": "m"}
    other = Settings.load({"llm": {**wanted, "base_url": "http://127.0.0.1:8080/v1"}}).provider().endpoint
    assert other["base_url"] == "http://127.0.0.1:8080/v1"


def test_providers_are_found_by_name_beside_the_default() -> None:
    settings = Settings.load({"providers": {"big": {"model": "big-mock"}}})

    assert settings.provider("big").model == "big-mock"
    assert list(settings.all_providers) == ["default", "big"]


def test_an_unknown_provider_is_answered_with_the_known_ones() -> None:
    settings = Settings.load({"providers": {"big": {}}})

    with pytest.raises(LLMConfigurationError, match=r"unknown provider 'small'; known: default, big"):
        settings.provider("small")


def test_a_secret_passed_by_code_shows_neither_in_repr_nor_in_a_dump() -> None:
    settings = Settings.load({"llm": {"kind": "openai", "model": "m", "api_key": SecretStr(KEY)}})

    assert KEY not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_a_function_passed_by_code_gives_the_key_and_is_told_by_its_name() -> None:
    settings = Settings.load({"llm": {"kind": "openai", "model": "m", "api_key": renewed}})

    assert settings.provider().keys == (renewed,)
    assert settings.model_dump(mode="json")["llm"]["api_key"] == "call:support.secret_functions:renewed"
    named = Settings.load({"llm": {"kind": "openai", "model": "m", "api_key": "call:support.secret_functions:renewed"}})
    assert settings.fingerprint() == named.fingerprint()


def test_a_merged_mapping_may_override_what_it_merges(tmp_path: Path) -> None:
    path = tmp_path / "llm.yaml"
    path.write_text("providers:\n  a: &a {model: one, latency_s: 1.0}\n  b: {<<: *a, model: two}\n")

    settings = Settings.load(path)

    assert settings.provider("b") == ProviderSettings(model="two", latency_s=1.0)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().runtime.name = "other"


def test_the_fingerprint_is_the_same_however_the_settings_were_written() -> None:
    by_llm = Settings.load({"llm": {"model_name": "m", "timeout": 5}, "caching": {}})
    by_name = Settings.load({"providers": {"default": {"timeout_s": 5.0, "model": "m"}}})

    assert by_llm.fingerprint() == by_name.fingerprint()


def test_the_fingerprint_does_not_hang_on_a_secret() -> None:
    prints = {Settings.load({"llm": {"api_key": SecretStr(key)}}).fingerprint() for key in ("one", "two")}

    assert len(prints) == 1


def test_the_fingerprint_changes_with_any_setting() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"caching": {"enabled": False}},
        {"runtime": {"name": "b"}},
        {"llm": {"seed": 1}},
        {"providers": {"b": {}}},
    ]

    assert len({Settings.load(change).fingerprint() for change in changes}) == len(changes)


@given(
    steps=st.integers(1, 10**6),
    seconds=st.floats(0.001, 1e9),
    labels=st.dictionaries(st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.from_regex(r"!?[A-Z0-9]{1,9}", fullmatch=True)),
    extras=st.dictionaries(
        st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.floats(allow_nan=False, allow_infinity=False))
    ),
)
def test_settings_survive_json_and_pickle(steps: int, seconds: float, labels: dict[str, str], extras: dict[str, Any]) -> None:
    settings = Settings.load(
        {
            "llm": {"extras": extras},
            "conversation_management": {"max_steps": steps, "deadline_s": seconds},
            "tool_registry": {"labels": labels},
        }
    )

    copies = (Settings.load(settings.model_dump(mode="json")), pickle.loads(pickle.dumps(settings)))

    assert all(copy == settings and copy.fingerprint() == settings.fingerprint() for copy in copies)
