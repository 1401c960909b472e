"""The contract's configuration: its bounds, its errors, its secret."""

import pickle
import warnings
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from polaris_llm.core.models import LLMConfiguration, LLMProvider

KEY = "sk-very-secret-key"


def configuration(**changes: Any) -> LLMConfiguration:
    return LLMConfiguration(**{"api_endpoint": "https://example.org/v1", "model_name": "a-model"} | changes)


def test_the_defaults_are_the_contracts() -> None:
    assert configuration().model_dump() == {
        "provider": LLMProvider.OPENAI,
        "api_endpoint": "https://example.org/v1",
        "model_name": "a-model",
        "max_tokens": 1000,
        "temperature": 0.1,
        "timeout": 30.0,
        "max_retries": 3,
        "retry_delay": 1.0,
        "cache_ttl": 300,
        "enable_function_calling": True,
    }


@pytest.mark.parametrize(
    "bound",
    [
        ("max_tokens", 1, 1_000_000, 0, 1_000_001),
        ("temperature", 0.0, 2.0, -0.1, 2.1),
        ("timeout", 1.0, 300.0, 0.9, 300.1),
        ("max_retries", 0, 10, -1, 11),
        ("retry_delay", 0.1, 60.0, 0.0, 60.1),
        ("cache_ttl", 0, 86400, -1, 86401),
    ],
    ids=lambda bound: bound[0],
)
def test_values_keep_within_their_bounds(bound: tuple[str, float, float, float, float]) -> None:
    name, lowest, highest, *beyond = bound
    assert [getattr(configuration(**{name: value}), name) for value in (lowest, highest)] == [lowest, highest]

    for value in beyond:
        with pytest.raises(ValidationError, match=name):
            configuration(**{name: value})


def test_more_tokens_than_the_original_took_can_be_asked_for() -> None:
    assert configuration(max_tokens=65_536).max_tokens == 65_536


@pytest.mark.parametrize(
    "endpoint", ["example.org", "ftp://example.org", "htp://x", "http://", "http://host:port", "http://host:99999", "http://[::1"]
)
def test_an_endpoint_is_an_http_url(endpoint: str) -> None:
    with pytest.raises(ValueError, match="API endpoint must be a valid HTTP/HTTPS URL"):
        configuration(api_endpoint=endpoint)


@pytest.mark.parametrize("missing", ["api_endpoint", "model_name"])
def test_endpoint_and_model_must_be_given(missing: str) -> None:
    with pytest.raises(ValidationError, match=missing):
        configuration(**{missing: ""})


@pytest.mark.parametrize("given", [KEY, SecretStr(KEY)])
def test_the_key_reads_as_a_string_and_shows_nowhere(given: str | SecretStr) -> None:
    config = configuration(api_key=given)

    assert config.api_key == KEY
    assert KEY not in f"{config!r} {config} {config.model_dump()} {config.model_dump_json()}"


def test_an_error_does_not_show_the_key() -> None:
    with pytest.raises(ValidationError) as caught:
        LLMConfiguration(api_endpoint="", api_key=KEY)  # type: ignore[call-arg]  # the model's name is missing

    assert KEY not in f"{caught.value!r} {caught.value} {caught.value.errors()} {caught.value.json()}"


def test_a_key_of_digits_only_is_a_key() -> None:
    assert configuration(api_key=1234567890).api_key == "1234567890"


def test_a_copy_and_a_pickle_keep_the_key() -> None:
    config = configuration(api_key=KEY)

    assert config.model_copy(update={"timeout": 5.0}).api_key == KEY
    assert pickle.loads(pickle.dumps(config)) == config


def test_unknown_keys_warn_and_stay_readable() -> None:
    with pytest.warns(UserWarning, match="does not use enable_streaming, top_p; it knows api_endpoint"):
        config = configuration(top_p=0.9, enable_streaming=True)

    assert (config.top_p, config.enable_streaming) == (0.9, True)  # type: ignore[attr-defined]  # known at run time only


def test_unknown_keys_warn_once() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            configuration(warned_about_once=1)

    assert len(caught) == 1


@pytest.mark.parametrize("name", ["openai", "anthropic", "google", "azure", "local", "mock"])
def test_providers_go_by_their_names(name: str) -> None:
    assert configuration(provider=name).provider is LLMProvider(name)
