"""What becomes of a request that asks for more than its wire can: an error, or a warning, and never nothing."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.inference import PromptCache
from polaris_llm.core.parts import ImagePart, ModelMessage
from polaris_llm.core.providers.capabilities import FEATURES, Capabilities, fitted
from polaris_llm.core.providers.capability_table import END, capability_table
from polaris_llm.core.providers.registry import PROVIDERS, Provider
from polaris_llm.core.settings import Settings
from support.model_requests import WEATHER, a_request
from support.model_strategies import REQUESTS

README = Path(__file__).parents[2] / "README.md"
NAMES = tuple(FEATURES)
IMAGE = ModelMessage(role="user", parts=(ImagePart(media_type="image/png", url="https://x/y"),))


def test_every_capability_has_its_words() -> None:
    assert [field.name for field in fields(Capabilities)] == list(FEATURES)


@given(REQUESTS)
def test_a_wire_that_can_everything_gets_the_request_as_it_is(request: Any) -> None:
    assert fitted(request, Capabilities(), "acme").request is request


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("reasoning_effort", {"reasoning_effort": "low"}),
        ("seed", {"seed": 0}),
        ("service_tier", {"service_tier": "flex"}),
        ("prompt_cache_key", {"prompt_cache": PromptCache(key="k")}),
        ("prompt_cache_after", {"prompt_cache": PromptCache(after=("system",))}),
        ("prompt_cache_ttl", {"prompt_cache": PromptCache(ttl="1h")}),
    ],
)
def test_a_hint_that_cannot_be_passed_on_is_left_out_with_a_warning(name: str, changes: dict[str, Any]) -> None:
    fit = fitted(a_request(**changes), Capabilities().without(name), "acme")

    assert fit.request == a_request()
    assert fit.warnings == (f"{name} was not sent: acme has no {FEATURES[name]} over this wire",)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("tools", {"tools": (WEATHER,)}),
        ("parallel_tool_calls", {"tools": (WEATHER,), "parallel_tool_calls": False}),
        ("tool_choice", {"tools": (WEATHER,), "tool_choice": "required"}),
        ("tool_choice", {"tools": (WEATHER,), "tool_choice": "weather"}),
        ("images", {"messages": (IMAGE,)}),
        ("top_p", {"top_p": 0.5}),
        ("stop", {"stop": ("END",)}),
    ],
)
def test_what_the_caller_relies_on_is_an_error(name: str, changes: dict[str, Any]) -> None:
    with pytest.raises(LLMConfigurationError, match="leave them out") as caught:
        fitted(a_request(**changes), Capabilities().without(name), "acme")

    assert caught.value.context["config_key"] == name


def test_of_a_prompt_cache_the_part_that_is_understood_is_kept() -> None:
    asked = PromptCache(key="k", after=("system",), ttl="1h")

    fit = fitted(a_request(prompt_cache=asked), Capabilities().without("prompt_cache_after"), "acme")

    assert fit.request.prompt_cache == PromptCache(key="k", ttl="1h")
    assert len(fit.warnings) == 1


@given(REQUESTS, st.sets(st.sampled_from(NAMES)))
def test_a_fitted_request_fits(request: Any, lacking: set[str]) -> None:
    can = Capabilities().without(*lacking)
    try:
        fit = fitted(request, can, "acme")
    except LLMConfigurationError:
        return

    assert fitted(fit.request, can, "acme").warnings == ()


def test_a_capability_that_there_is_not_is_refused() -> None:
    with pytest.raises(LLMConfigurationError, match=r"llm\.lacks\.0 = 'sed': expected one of streaming, tools"):
        Settings.load({"llm": {"lacks": ["sed"]}})
    with pytest.raises(LLMConfigurationError, match="no such capability: sed"):
        Capabilities().without("sed")


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: provider.name)
def test_a_provider_has_wires_and_its_base_url_or_asks_for_one(provider: Provider) -> None:
    assert provider.wire() is provider.wires[0]
    assert {wire.name for wire in provider.wires} <= {"openai_chat", "openai_responses", "anthropic", "google"}
    with pytest.raises(LLMConfigurationError, match=f"{provider.name} does not speak the wire 'morse'; it speaks "):
        provider.wire("morse")


def test_the_readme_shows_what_the_declarations_say() -> None:
    table = capability_table()

    assert table in README.read_text(encoding="utf-8"), f"put this into README.md:\n{table}"
    assert table.endswith(END)
