"""Whatever is wrong with settings is said at once, with path, value and remedy; what may be a key is not repeated."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.provider_settings import ProviderSettings
from polaris_llm.core.settings import Settings

KEY = "sk-live-0123456789abcdef"


def refusal(source: Any) -> str:
    """What is said of settings that are refused."""
    with pytest.raises(LLMConfigurationError) as caught:
        Settings.load(source)
    return str(caught.value)


def test_llm_beside_a_default_provider_is_refused() -> None:
    assert "llm and providers.default are two names of one provider" in refusal({"llm": {}, "providers": {"default": {}}})


def test_an_unknown_name_is_answered_with_path_value_guess_and_the_allowed_names() -> None:
    message = refusal({"conversation_management": {"hsots": 3}})

    assert "conversation_management.hsots = 3: unknown name; did you mean 'hosts'? allowed: labels, fallback_labels, max_steps" in message


def test_an_unknown_name_inside_a_provider_is_answered_with_a_providers_names() -> None:
    assert "providers.big.nmber = 3: unknown name; allowed: labels, fallback_labels, kind" in refusal({"providers": {"big": {"nmber": 3}}})


def test_an_unknown_section_is_answered_with_the_sections() -> None:
    assert "cahing: unknown name; did you mean 'caching'? allowed: llm, providers" in refusal({"cahing": {}})


def test_one_setting_under_two_names_is_refused() -> None:
    assert "llm.timeout = 5: this setting is given twice" in refusal({"llm": {"timeout_s": 4, "timeout": 5}})


@pytest.mark.parametrize(
    ("section", "name", "value", "expected"),
    [
        ("runtime", "engine", "rya", "runtime.engine = 'rya': expected to be 'ray' or 'inline'"),
        ("runtime", "name", "a b", "runtime.name = 'a b': expected a name of letters"),
        ("runtime", "lease_s", 0, "runtime.lease_s = 0: expected to be greater than 0"),
        ("runtime", "lease_s", float("inf"), "runtime.lease_s = inf: expected to be a finite number"),
        ("runtime", "object_store_bytes", 1, "runtime.object_store_bytes = 1: expected to be greater than"),
        ("caching", "max_entries", "many", "caching.max_entries = 'many': expected to be a valid integer"),
        ("caching", "max_entries", True, "caching.max_entries = True: expected to be a valid integer"),
        ("caching", "enabled", 1, "caching.enabled = 1: expected to be a valid boolean"),
        ("tool_registry", "tools", ["EchoTool"], "tool_registry.tools.0 = 'EchoTool': expected module:attribute"),
        ("llm", "base_url", "host:80", "llm.base_url = (not shown): expected http(s)://HOST"),
        ("llm", "base_url", "http://host:eighty", "llm.base_url = (not shown): expected http(s)://HOST"),
        ("llm", "script", "a/b.py:f", "llm.script = 'a/b.py:f': expected module:attribute"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(section: str, name: str, value: object, expected: str) -> None:
    assert expected in refusal({section: {name: value}})


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "llm.yaml"
    path.write_text("caching: {max_entrys: 1, max_bytes: 0}\nruntime: {engine: local}\n")

    message = refusal(path)

    assert message.startswith(f"{path}: 3 settings are wrong")
    assert [line.split(" = ")[0].strip() for line in message.splitlines()[1:]] == [
        "caching.max_bytes",
        "caching.max_entrys",
        "runtime.engine",
    ]


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ({"kind": "openai"}, "kind 'openai' needs model, needs api_key"),
        ({"kind": "local", "model": "m"}, "kind 'local' needs base_url"),
        ({"kind": "local", "model": "m", "base_url": "http://h", "seed": 1}, "kind 'local' has no seed (that is for kind 'mock')"),
    ],
)
def test_a_provider_says_what_its_kind_lacks(provider: dict[str, Any], expected: str) -> None:
    assert f"providers.big: {expected}" in refusal({"providers": {"big": provider}})


def test_the_inline_engine_takes_no_cluster() -> None:
    assert "runtime: engine 'inline' lives in one process" in refusal({"runtime": {"engine": "inline", "detached": True}})


def test_a_key_that_is_not_a_string_is_refused() -> None:
    assert "providers.3 = 3: expected to be a valid string" in refusal({"providers": {3: {}}})


@pytest.mark.parametrize(
    "llm",
    [
        {"api_key": KEY},
        {"api_kye": KEY},
        {"token": KEY[:5]},
        {"header": f"Bearer {KEY}"},
        {"base_url": f"https://user:{KEY}@host/v1"},
        {"base_url": f"https://host/v1?key={KEY}"},
        {"kind": "openai", "api_key": SecretStr(KEY)},
        {"model": {"api_key": KEY}},
        KEY,
    ],
)
def test_a_literal_key_is_refused_and_not_repeated(llm: Any) -> None:
    with pytest.raises(LLMConfigurationError) as caught:
        Settings.load({"llm": llm})

    assert KEY[:5] not in f"{caught.value} {caught.value.context}"
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_the_remedy_for_a_literal_key_is_named() -> None:
    assert "llm.api_key = (not shown): expected env:NAME or file:PATH" in refusal({"llm": {"api_key": KEY}})


def test_settings_built_by_code_do_not_repeat_a_literal_key() -> None:
    with pytest.raises(ValidationError) as caught:
        ProviderSettings(api_key=KEY)

    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("llm:\n  model: [a\n", "line 3: expected ',' or ']'"),
        ("llm: {}\nruntime:\n  name: a\n  name: b\n", "line 4: 'name' is given twice"),
        ("llm: {}\nruntime: {}\nllm: {}\n", "line 3: 'llm' is given twice"),
        ("llm: {}\nruntime: *other\n", "line 2: found undefined alias 'other'"),
        ("llm: {}\nruntime: \x07\n", "line 2: character #x0007"),
        ("llm: !!python/name:os.system\n", "line 1: could not determine a constructor"),
        ("llm: 2026-13-01\n", "month must be in 1..12"),
        ("- llm\n", "holds a list, expected a mapping of sections"),
    ],
)
def test_wrong_yaml_is_named_by_file_and_line(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "llm.yaml"
    path.write_text(text)

    message = refusal(path)

    assert message.startswith(str(path))
    assert expected in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert f"cannot read the settings file {tmp_path / 'nowhere.yaml'}: No such file" in refusal(tmp_path / "nowhere.yaml")
