"""POLARIS's own file loads as it is: what means something here takes effect, and every other setting is listed with the reason."""

from typing import Any

import pytest
from pydantic import SecretStr

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.polaris_config import Note
from polaris_llm.core.settings import Settings
from support.polaris_files import POLARIS_FILE, write_file

ECHO, CALCULATOR = Settings().tool_registry.tools
KEY = "sk-live-0123456789abcdef"


def notes(content: dict[str, Any]) -> dict[str, Note]:
    """What becomes of each setting, by its path."""
    return {note.path: note for note in Settings.load_with_notes(content).notes}


def effects(content: dict[str, Any]) -> dict[str, str]:
    """What is said of each setting, by its path."""
    return {path: note.effect for path, note in notes(content).items()}


@pytest.fixture(scope="module")
def polaris_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of POLARIS's shape."""
    return write_file(tmp_path_factory.mktemp("polaris"), POLARIS_FILE)


def test_what_means_something_here_takes_effect(polaris_file: str) -> None:
    settings = Settings.load(polaris_file, "trial")

    llm, kept, talks = settings.provider(), settings.caching, settings.conversation_management
    assert (llm.kind, llm.base_url, llm.api_key, llm.model) == ("openai", "https://models.example/v1", "env:TRIAL_KEY", "trial-model")
    assert (llm.max_tokens, llm.temperature, llm.timeout_s, llm.max_retries, llm.retry_delay_s) == (1200, 0.2, 45.0, 4, 1.5)
    assert (kept.max_entries, kept.default_ttl_s) == (800, 420.0)
    assert (talks.protocol, talks.max_conversations, talks.max_messages_per_conversation, talks.cleanup_interval_hours) == (
        "json",
        40,
        30,
        8,
    )
    assert settings.prompt_management.template_directory == "./prompts"
    assert settings.tool_registry.tools == (CALCULATOR,)
    assert (settings.tools["calculator"].timeout_s, settings.tools["calculator"].enabled) == (5.0, True)


def test_every_setting_of_the_file_has_one_note_that_says_whether_it_is_used(polaris_file: str) -> None:
    loaded = Settings.load_with_notes(polaris_file, "trial")

    paths = [note.path for note in loaded.notes]
    assert len(paths) == len(set(paths)) == 39
    assert paths[0] == "llm.provider"
    assert all(note.effect.startswith("used" if note.is_used else "not used: ") for note in loaded.notes)
    assert {note.path for note in loaded.notes if note.path.startswith(("prompts.", "observability.")) and note.is_used} == set()


def test_a_setting_under_another_name_is_noted_with_ours() -> None:
    said = effects({"llm": {"model_name": "m", "cache_ttl": 5}, "caching": {"max_size": 7, "max_bytes": 9}})

    assert said == {
        "llm.model_name": "used as llm.model",
        "llm.cache_ttl": "used as caching.default_ttl_s",
        "caching.max_size": "used as caching.max_entries",
        "caching.max_bytes": "used",
    }


def test_a_ttl_of_zero_keeps_nothing() -> None:
    assert Settings.load({"llm": {"cache_ttl": 0}, "caching": {"default_ttl": 300}}).caching.default_ttl_s == 0


def test_the_providers_ttl_holds_over_the_caches() -> None:
    content = {"caching": {"default_ttl": 300}, "llm": {"cache_ttl": 60}}

    assert Settings.load(content).caching.default_ttl_s == 60
    assert effects(content)["caching.default_ttl"] == "not used: llm.cache_ttl says how long answers are kept"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"llm": {"cache_ttl": 60}}, {"caching": {"default_ttl_s": 5.0}}),
        ({"llm": {"enable_function_calling": True}}, {"conversation_management": {"protocol": "either"}}),
        ({"tool_registry": {"default_tools": ["echo"]}}, {"tool_registry": {"tools": ["pkg:Other"]}}),
    ],
)
def test_where_both_stand_our_setting_holds(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    both = {section: {**theirs.get(section, {}), **ours.get(section, {})} for section in (*theirs, *ours)}

    assert Settings.load(both) == Settings.load(ours)
    assert [effect for effect in effects(both).values() if effect.endswith("says it")]


@pytest.mark.parametrize("sections", [("llm", "caching"), ("caching", "llm")])
def test_a_setting_reaches_its_section_wherever_that_stands(sections: tuple[str, ...]) -> None:
    written: dict[str, Any] = {"llm": {"cache_ttl": 5}, "caching": {}}

    assert Settings.load({name: written[name] for name in sections}).caching.default_ttl_s == 5
    assert written == {"llm": {"cache_ttl": 5}, "caching": {}}
    for wrong in (7, None):
        with pytest.raises(LLMConfigurationError, match=r"caching = .*: expected to be a valid dictionary"):
            Settings.load({name: {**written, "caching": wrong}[name] for name in sections})


@pytest.mark.parametrize(("enabled", "protocol"), [(True, "native"), (False, "json")])
def test_function_calling_is_the_protocol(enabled: bool, protocol: str) -> None:
    settings = Settings.load({"llm": {"enable_function_calling": enabled}})

    assert settings.conversation_management.protocol == protocol


def test_a_tool_that_is_not_here_is_listed_with_what_to_do() -> None:
    content = {"tool_registry": {"default_tools": ["echo", "knowledge_base", "pkg.tools:Weather"]}}

    assert Settings.load(content).tool_registry.tools == (ECHO, "pkg.tools:Weather")
    assert effects(content) == {
        "tool_registry.default_tools.0": "used as tool_registry.tools",
        "tool_registry.default_tools.1": "not used: no such tool here; register it as module:name in tool_registry.tools",
        "tool_registry.default_tools.2": "used as tool_registry.tools",
    }


@pytest.mark.parametrize(
    ("listed", "used"), [(["echo"], False), (["calculator"], True), (["pkg:ItMayBeCalledSo"], True), ([], False), (["calculators"], False)]
)
def test_a_switch_of_a_tool_is_used_if_a_listed_tool_may_have_its_name(listed: list[str], used: bool) -> None:
    content = {"tool_registry": {"default_tools": listed}, "tools": {"calculator": {"enabled": False}}}

    assert notes(content)["tools.calculator.enabled"].is_used == used


def test_a_tools_time_and_its_results_time_take_effect_and_other_names_are_listed() -> None:
    content: dict[str, Any] = {"tools": {"echo": {"cache_ttl": 5, "timeout": 2, "horizon": 3}}}

    settings = Settings.load(content)

    assert (settings.tools["echo"].timeout_s, settings.tools["echo"].cache_ttl_s) == (2, 5)
    assert effects(content) == {
        "tools.echo.cache_ttl": "used, unless the tool's effect is once",
        "tools.echo.timeout": "used as tools.echo.timeout_s",
        "tools.echo.horizon": "not used: tools are not told settings; give it to the tool where it is built",
    }
    without_cache = effects({**content, "caching": {"enabled": False}})
    assert without_cache["tools.echo.cache_ttl"] == "not used: caching.enabled is false"
    with pytest.raises(LLMConfigurationError, match=r"tools\.echo\.timeout = -1"):
        Settings.load({"tools": {"echo": {"timeout": -1}}})


def test_custom_templates_switched_off_leave_the_directory_out() -> None:
    content = {"prompt_management": {"template_directory": "prompts", "enable_custom_templates": False}}

    assert Settings.load(content).prompt_management.template_directory is None
    assert effects(content)["prompt_management.template_directory"].startswith("not used: ")


def test_the_url_of_a_mock_is_said_to_have_no_use_and_checked_all_the_same() -> None:
    assert effects({"llm": {"provider": "mock", "api_endpoint": "http://host"}})["llm.api_endpoint"] == "not used: the mock asks no server"
    assert (
        effects({"llm": {"provider": "local", "model": "m", "api_endpoint": "http://host"}})["llm.api_endpoint"] == "used as llm.base_url"
    )


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ({"llm": {"cahce_ttl": 3}}, "llm.cahce_ttl = 3: unknown name"),
        ({"observabilty": {"metrics": []}}, "observabilty: unknown name"),
        ({"conversation_management": {"max_conversation": 3}}, "did you mean 'max_conversations'"),
        ({"tools": {"echo": {"timeot": 3}}}, "did you mean 'timeout'"),
        ({"tool_registry": {"default_tools": "echo"}}, "tool_registry.tools = 'echo': expected to be a valid tuple"),
        ({"caching": {"max_size": 1, "max_entries": 1}}, "given twice"),
    ],
)
def test_a_name_of_neither_side_and_a_wrong_value_still_fail(content: dict[str, Any], wrong: str) -> None:
    with pytest.raises(LLMConfigurationError) as caught:
        Settings.load(content)

    assert wrong in str(caught.value)


def test_a_provider_without_a_client_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(LLMConfigurationError, match=r"llm\.provider = 'nobody': no such provider; supported: openai, .*google, .*mock"):
        Settings.load({"llm": {"provider": "nobody"}})


def test_the_sampling_of_polariss_settings_is_used_where_a_server_is_asked() -> None:
    llm = {"provider": "openai", "model_name": "m", "api_key": "env:KEY", "top_p": 0.9}

    assert Settings.load({"llm": llm}).provider().top_p == 0.9
    assert notes({"llm": llm})["llm.top_p"].is_used
    assert not notes({"llm": {"provider": "mock", "top_p": 0.9}})["llm.top_p"].is_used


def test_what_is_not_used_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    Settings.load({"observability": {"enable_llm_metrics": True}})

    assert ["1 settings are not used" in record.getMessage() for record in caplog.records] == [True]


def test_a_note_shows_no_secret() -> None:
    written = {"password": KEY, "exporter": f"https://me:{KEY}@host", "header": f"Bearer {KEY}", "api_key": "env:EXPORTER"}

    values = [note.value for note in notes({"observability": written}).values()]

    assert values == ["(not shown)", "(not shown)", "(not shown)", "env:EXPORTER"]


@pytest.mark.parametrize(
    ("written", "kept"), [(KEY, SecretStr(KEY)), (12345, SecretStr("12345")), ("${NAME}", "env:NAME"), ("file:key", "file:key")]
)
def test_a_key_that_polaris_has_read_is_kept_as_a_secret(written: object, kept: object) -> None:
    settings = Settings.from_polaris_config({"provider": "openai", "model_name": "m", "api_key": written})

    assert settings.provider().api_key == kept


@pytest.mark.parametrize("key", ["", None])
def test_a_key_that_polaris_did_not_find_is_missing(key: object) -> None:
    with pytest.raises(LLMConfigurationError, match="kind 'openai' needs api_key"):
        Settings.from_polaris_config({"provider": "openai", "model_name": "m", "api_key": key})


def test_the_whole_of_polariss_configuration_is_taken_for_its_sections(caplog: pytest.LogCaptureFixture) -> None:
    raw = {"framework": {"name": "POLARIS"}, "llm": {"provider": "mock", "vendor_switch": 1}, "caching": {"max_size": 9}}

    settings = Settings.from_polaris_config(raw)

    assert settings == Settings.load({"caching": {"max_entries": 9}, "llm": {"kind": "mock"}})
    assert "ignored vendor_switch" in caplog.text
