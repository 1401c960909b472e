"""Options that make settings: over a file, and without one."""

from pathlib import Path
from typing import Any

from polaris_llm.cli.settings_choice import SettingsChoice
from polaris_llm.core.settings import Settings


def chosen(**given: Any) -> SettingsChoice:  # fields of SettingsChoice
    nothing = dict.fromkeys(("settings", "profile", "provider", "base_url", "model", "api_key")) | {"changes": ()}
    return SettingsChoice(**{**nothing, **given})


def test_nothing_said_is_the_default_settings() -> None:
    assert chosen().load() == Settings()
    assert not chosen().is_made


def test_options_name_a_model() -> None:
    choice = chosen(provider="openai", model="m", api_key="env:SOME", base_url="http://127.0.0.1:1/v1", changes=("llm.extras.top_k=3",))

    provider = choice.load().provider()

    assert (provider.kind, provider.model, provider.api_key, provider.base_url) == ("openai", "m", "env:SOME", "http://127.0.0.1:1/v1")
    assert provider.extras == {"top_k": 3}
    assert choice.is_made


def test_a_name_that_looks_like_a_number_stays_a_name() -> None:
    assert chosen(provider="local", model="70", base_url="http://127.0.0.1:1").load().provider().model == "70"


def test_options_change_what_a_file_says_and_leave_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "llm.yaml"
    file.write_text("llm: {model: theirs, seed: 7}\ncaching: {enabled: false}\n")

    settings = chosen(settings=str(file), model="mine").load("llm.model=nobody's", "runtime.name=farm")

    assert (settings.provider().model, settings.provider().seed, settings.caching.enabled, settings.runtime.name) == (
        "mine",
        7,
        False,
        "farm",
    )


def test_the_arguments_of_a_choice_make_it_again() -> None:
    choice = chosen(settings="f", provider="local", base_url="u", changes=("a.b=1", "c.d=2"))

    assert choice.arguments() == ["--settings", "f", "--provider", "local", "--base-url", "u", "--set", "a.b=1", "--set", "c.d=2"]
