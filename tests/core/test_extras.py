"""Parameters that one wire alone has, from the settings and from a request."""

import json
from typing import Any

import pytest
from pydantic import JsonValue

from polaris_llm.core.canonical import MAX_DEPTH
from polaris_llm.core.exceptions import LLMConfigurationError
from polaris_llm.core.providers.http_model import RequestDefaults
from polaris_llm.core.providers.registry import PROVIDERS, Endpoint, Provider, WireFormat
from support.model_requests import a_request
from support.nesting import nested

USUAL: dict[str, JsonValue] = {
    "safetySettings": [{"category": "A", "threshold": "OFF"}],
    "generationConfig": {"topK": 5, "thinkingConfig": {"includeThoughts": True}},
    "tools": [{"googleSearch": {}}],
}
EVERY_WIRE = [pytest.param(provider, wire, id=f"{provider.name}-{wire.name}") for provider in PROVIDERS.values() for wire in provider.wires]


def joined(asked: JsonValue) -> dict[str, JsonValue]:
    """What a request asks for whose provider has usual extras."""
    extras = RequestDefaults(extras=USUAL).applied_to(a_request(extras={"google": asked}), "google").extras["google"]
    assert isinstance(extras, dict)
    return extras


def body_of(provider: Provider, wire: WireFormat, extras: dict[str, Any]) -> dict[str, Any]:
    """The body of a call with extras for its wire."""
    codec = wire.codec(Endpoint(provider=provider.name, base_url="https://example.com"))
    body: dict[str, Any] = json.loads(codec.encode(a_request(extras={wire.name: extras})).body)
    return body


def test_what_a_request_asks_for_stands_inside_the_objects_of_the_settings() -> None:
    extras = joined({"generationConfig": {"topK": 7, "thinkingConfig": {"thinkingBudget": 1}}, "tools": [{"codeExecution": {}}]})

    assert extras == {
        "safetySettings": [{"category": "A", "threshold": "OFF"}],
        "generationConfig": {"topK": 7, "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 1}},
        "tools": [{"googleSearch": {}}, {"codeExecution": {}}],
    }


def test_a_request_takes_away_what_the_settings_have_and_what_is_sent_anyway() -> None:
    assert joined({"generationConfig": None, "systemInstruction": None}) == {
        "safetySettings": [{"category": "A", "threshold": "OFF"}],
        "tools": [{"googleSearch": {}}],
        "generationConfig": None,
        "systemInstruction": None,
    }


@pytest.mark.parametrize(("provider", "wire"), EVERY_WIRE)
def test_every_wire_joins_objects_and_takes_away_by_none(provider: Provider, wire: WireFormat) -> None:
    plain = body_of(provider, wire, {})

    changed = body_of(provider, wire, {"metadata": {"a": {"b": 1, "c": None}}, next(iter(plain)): None})

    assert changed == {name: value for name, value in plain.items() if name != next(iter(plain))} | {"metadata": {"a": {"b": 1}}}


@pytest.mark.parametrize(("provider", "wire"), EVERY_WIRE)
def test_extras_without_an_end_are_refused(provider: Provider, wire: WireFormat) -> None:
    with pytest.raises(LLMConfigurationError, match=f"the extras for '{wire.name}' are nested deeper than {MAX_DEPTH} levels"):
        body_of(provider, wire, {"x": nested(5_000)})
