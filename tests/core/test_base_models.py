"""Models of one's own, asked as those that they were made from."""

import json
from typing import Any

import pytest

from polaris_llm.core.inference import ModelRequest
from polaris_llm.core.parts import text_message
from polaris_llm.core.providers.registry import PROVIDERS, Endpoint


def body_of(provider: str, wire: str, model: str, base_models: dict[str, str]) -> dict[str, Any]:
    """What is sent to a model, but for its name."""
    endpoint = Endpoint(provider=provider, base_url="https://example.com", base_models=base_models)
    request = ModelRequest(model=model, messages=(text_message("user", "Hi"),), reasoning_effort="low", max_tokens=5_000)
    body: dict[str, Any] = json.loads(PROVIDERS[provider].wire(wire).codec(endpoint).encode(request).body)
    return {name: value for name, value in body.items() if name != "model"}


@pytest.mark.parametrize(
    ("provider", "wire", "base"),
    [
        ("azure", "openai_chat", "o3"),
        ("openai", "openai_responses", "gpt-5"),
        ("anthropic", "anthropic", "claude-haiku-4-5"),
        ("google", "google", "gemini-2.5-pro"),
    ],
)
def test_a_model_of_ones_own_is_asked_as_its_base_but_for_the_name(provider: str, wire: str, base: str) -> None:
    asked = body_of(provider, wire, "ours", {"ours": base})

    assert asked == body_of(provider, wire, base, {})
    assert asked != body_of(provider, wire, "ours", {}) == body_of(provider, wire, "ours", {"others": base})
