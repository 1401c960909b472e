"""Profiles and variables of a settings file: which part of it is read, and what the environment adds."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.settings import Settings
from polaris_llm.core.settings_file import substituted
from support.polaris_files import POLARIS_FILE, write_file

PROFILES = """\
caching: {max_entries: 5, default_ttl_s: 50}
small: {llm: {model: "s"}, caching: {max_entries: 6}}
large: {llm: {model: "${LARGE_MODEL}"}, runtime: {engine: inline}}
"""


def refusal(path: str, profile: str | None = None, **environ: str) -> str:
    """What is said of a file that is refused."""
    with pytest.raises(LLMConfigurationError) as caught:
        Settings.load(path, profile, environ)
    return str(caught.value)


def loaded(folder: Path, text: str, **environ: str) -> Settings:
    """The settings of a file with this text."""
    return Settings.load(write_file(folder, text), environ=environ)


def test_a_profile_is_read_over_what_stands_beside_it(tmp_path: Path) -> None:
    settings = Settings.load(write_file(tmp_path, PROFILES), "small", {})

    assert settings == Settings.load({"llm": {"model": "s"}, "caching": {"max_entries": 6, "default_ttl_s": 50}})


def test_the_environment_chooses_a_profile_where_no_argument_does(tmp_path: Path) -> None:
    path = write_file(tmp_path, PROFILES)
    environ = {"POLARIS_ENVIRONMENT": "large", "LARGE_MODEL": "l"}

    assert Settings.load(path, environ=environ).provider().model == "l"
    assert Settings.load(path, "small", environ).provider().model == "s"


def test_a_file_with_profiles_needs_the_name_of_one(tmp_path: Path) -> None:
    path = write_file(tmp_path, POLARIS_FILE)

    assert refusal(path) == f"{path}: which profile? Name one, or set POLARIS_ENVIRONMENT; its profiles: trial, bench, elsewhere"


@pytest.mark.parametrize(("profile", "environ"), [("tiny", {}), (None, {"POLARIS_ENVIRONMENT": "tiny"})])
def test_an_unknown_profile_is_answered_with_the_known_ones(tmp_path: Path, profile: str | None, environ: dict[str, str]) -> None:
    assert "no profile 'tiny'; its profiles: small, large" in refusal(write_file(tmp_path, PROFILES), profile, **environ)


def test_a_file_without_profiles_takes_none_but_does_not_mind_the_environments(tmp_path: Path) -> None:
    path = write_file(tmp_path, "llm: {model: m}\n")

    assert "no profile 'small'; it has no profiles: leave the profile out" in refusal(path, "small")
    assert Settings.load(path, environ={"POLARIS_ENVIRONMENT": "small"}).provider().model == "m"


def test_a_provider_named_llm_makes_no_profile(tmp_path: Path) -> None:
    assert loaded(tmp_path, "providers: {llm: {model: m}}\n").provider("llm").model == "m"


def test_what_is_wrong_in_a_profile_is_told_with_its_name(tmp_path: Path) -> None:
    path = write_file(tmp_path, PROFILES.replace("max_entries: 6", "max_entries: none"))

    assert refusal(path, "small").startswith(f"{path}, profile small: 1 setting is wrong\n  caching.max_entries = 'none'")


def test_a_variable_is_replaced_wherever_it_stands_in_a_value(tmp_path: Path) -> None:
    text = 'llm: {kind: local, model: "${FAMILY}-${SIZE:-small}", base_url: "http://${HOST}:${PORT:-80}/v1"}\n'

    provider = loaded(tmp_path, text, FAMILY="f", HOST="h", PORT="81").provider()

    assert (provider.model, provider.base_url) == ("f-small", "http://h:81/v1")


def test_without_quotes_a_variable_may_become_a_number_and_with_quotes_it_stays_text(tmp_path: Path) -> None:
    text = 'llm:\n  model: "${N}"\n  timeout_s: ${N}\ncaching:\n  enabled: ${SWITCH}\nruntime:\n  address: ${NOWHERE:-}\n'

    settings = loaded(tmp_path, text, N="12", SWITCH="false")

    assert (settings.provider().model, settings.provider().timeout_s) == ("12", 12)
    assert (settings.caching.enabled, settings.runtime.address) == (False, None)


def test_a_value_of_the_environment_makes_no_structure(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "llm:\n  model: ${TEXT}\n", TEXT="{a: [b]}")

    assert settings.provider().model == "{a: [b]}"


def test_an_unset_variable_is_named_with_path_and_file(tmp_path: Path) -> None:
    path = write_file(tmp_path, PROFILES)

    message = refusal(path, "large")

    assert message.startswith(f"{path}, profile large: llm.model needs the environment variable LARGE_MODEL, which is not set")


def test_a_variable_in_another_profile_is_not_missed(tmp_path: Path) -> None:
    assert Settings.load(write_file(tmp_path, PROFILES), "small", {}).provider().model == "s"


def test_an_empty_variable_takes_its_default_and_without_one_is_empty(tmp_path: Path) -> None:
    settings = loaded(tmp_path, 'llm: {model: "${EMPTY:-m}", extras: {user: "${EMPTY}"}}\n', EMPTY="")

    assert (settings.provider().model, settings.provider().extras) == ("m", {"user": ""})


def test_names_are_not_replaced(tmp_path: Path) -> None:
    assert loaded(tmp_path, 'llm: {extras: {"${NAME}": 1}}\n', NAME="n").provider().extras == {"${NAME}": 1}


def test_two_dollars_stand_for_one(tmp_path: Path) -> None:
    assert loaded(tmp_path, 'llm: {model: "$${NAME} costs $5"}\n', NAME="n").provider().model == "${NAME} costs $5"


@pytest.mark.parametrize("text", ["${", "${1}", "${A", "${A:+b}", "${}"])
def test_a_variable_that_is_written_wrongly_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    assert "llm.model holds a '${' that begins no variable" in refusal(write_file(tmp_path, f"llm: {{model: '{text}'}}\n"), A="a")


def test_a_key_becomes_a_reference_and_is_not_read(tmp_path: Path) -> None:
    for environ in ({"MODEL_KEY": "sk-live"}, {}):
        settings = loaded(tmp_path, 'llm: {kind: openai, model: m, api_key: "${MODEL_KEY}"}\n', **environ)

        assert settings.provider().api_key == "env:MODEL_KEY"


def test_the_path_of_a_keys_file_may_hold_variables(tmp_path: Path) -> None:
    settings = loaded(tmp_path, 'llm: {api_key: "file:${KEYS}/model"}\n', KEYS="/run/keys")

    assert settings.provider().api_key == "file:/run/keys/model"


@pytest.mark.parametrize("key", ["${KEY:-sk-default}", "sk-${KEY}"])
def test_a_key_that_would_be_read_at_load_is_refused_and_not_repeated(tmp_path: Path, key: str) -> None:
    message = refusal(write_file(tmp_path, f'llm: {{api_key: "{key}"}}\n'), KEY="secret-of-mine")

    assert "llm.api_key = (not shown): expected env:NAME or file:PATH" in message
    assert "secret-of-mine" not in message


def test_a_mapping_is_taken_as_it_is() -> None:
    assert Settings.load({"llm": {"model": "${NAME}"}}).provider().model == "${NAME}"


def test_settings_that_hold_themselves_are_refused(tmp_path: Path) -> None:
    path = write_file(tmp_path, "llm: &llm {extras: *llm}\n")

    assert refusal(path).startswith(f"{path}: Circular reference detected")


@given(st.text(st.characters(exclude_characters="$")))
def test_text_without_a_dollar_stays_as_it_is(text: str) -> None:
    assert substituted({"a": [{"b": text}]}, "file", {}) == {"a": [{"b": text}]}


@given(st.text())
def test_a_value_of_the_environment_is_not_looked_into(value: str) -> None:
    assert substituted({"a": "<${NAME}>"}, "file", {"NAME": value}) == {"a": f"<{value}>"}
