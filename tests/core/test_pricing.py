"""What calls cost: by one's own prices, by genai-prices, or by nothing."""

import functools
from typing import Any

import pytest
from pydantic import JsonValue, SecretStr

from polaris_llm.core.client_factory import prices_of
from polaris_llm.core.inference import ModelResponse
from polaris_llm.core.pricing import COST, Prices, TokenPrice, base_model, price_library, total_usd
from polaris_llm.core.provider_settings import PriceSettings, ProviderSettings
from polaris_llm.core.usage import Usage
from support.model_requests import a_response

MILLION = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
OWN = {"farm": TokenPrice(input_usd=2.0, output_usd=10.0, cache_read_usd=0.5, cache_write_usd=2.5)}


def prices(provider: str = "openai", **changes: object) -> Prices:
    return Prices(provider=provider, **changes)  # type: ignore[arg-type]  # any field's


def test_ones_own_price_counts_what_was_kept_and_what_was_written_apart() -> None:
    usage = Usage(input_tokens=1000, cache_read_tokens=400, cache_write_tokens=100, output_tokens=50)

    assert prices(own=OWN).cost_usd("farm", usage) == pytest.approx((500 * 2.0 + 400 * 0.5 + 100 * 2.5 + 50 * 10.0) / 1e6)


def test_without_prices_for_the_cache_its_tokens_cost_as_others() -> None:
    own = {"farm": TokenPrice(input_usd=2.0, output_usd=10.0)}

    assert prices(own=own).cost_usd("farm", Usage(input_tokens=1000, cache_read_tokens=400)) == pytest.approx(0.002)


def test_ones_own_price_wins_over_the_librarys() -> None:
    own = {"gpt-4o-mini": TokenPrice(input_usd=1.0, output_usd=1.0)}

    assert prices(own=own).cost_usd("gpt-4o-mini", MILLION) == 2.0


def test_the_library_knows_the_usual_models_and_their_caches() -> None:
    library = price_library()
    assert library is not None
    expected = library.calc_price(library.Usage(input_tokens=1000, output_tokens=10, cache_read_tokens=400), "gpt-4o", provider_id="openai")

    cost = prices().cost_usd("gpt-4o", Usage(input_tokens=1000, output_tokens=10, cache_read_tokens=400))

    assert cost == pytest.approx(float(expected.total_price))


def test_what_is_kept_for_an_hour_is_dearer() -> None:
    usage = Usage(input_tokens=1000, cache_write_tokens=800)
    hour = Usage(input_tokens=1000, cache_write_tokens=800, raw={"cache_creation": {"ephemeral_1h_input_tokens": 800}})

    short, long = (prices("anthropic").cost_usd("claude-sonnet-4-5", each) for each in (usage, hour))

    assert short is not None
    assert long is not None
    assert short < long


def test_what_a_compaction_kept_for_an_hour_is_dearer_too() -> None:
    split: JsonValue = {"ephemeral_1h_input_tokens": 800}
    apart = Usage(input_tokens=1000, cache_write_tokens=800, raw={"iterations": [{"type": "compaction", "cache_creation": split}]})
    at_once = Usage(input_tokens=1000, cache_write_tokens=800, raw={"cache_creation": split})

    assert prices("anthropic").cost_usd("claude-sonnet-4-5", apart) == prices("anthropic").cost_usd("claude-sonnet-4-5", at_once)


@pytest.mark.parametrize(
    ("provider", "model", "changes"),
    [
        ("openai", "no-such-model", {}),
        ("local", "gpt-4o", {}),
        ("acme", "gpt-4o", {}),
        ("azure", "my-deployment", {}),
        ("openai", "gpt-4o", {"api_url": "http://localhost:8080/v1"}),
        ("openai", "gpt-4o", {"library": None}),
        ("openai", "ft:no-such-model:org::id", {}),
    ],
)
def test_what_nobody_knows_costs_none_and_not_nothing(provider: str, model: str, changes: dict[str, object]) -> None:
    assert prices(provider, **changes).cost_usd(model, MILLION) is None


def test_a_tier_without_a_price_of_its_own_is_not_guessed() -> None:
    assert prices().cost_usd("gpt-4o-mini", MILLION, "flex") is None
    for usual in ("default", "STANDARD", "standard_only"):
        assert prices().cost_usd("gpt-4o-mini", MILLION, usual) == prices().cost_usd("gpt-4o-mini", MILLION)


def test_the_tier_that_answered_is_priced_and_else_the_one_that_was_asked() -> None:
    silent, telling = (a_response(model="gpt-5.5", usage=MILLION, metadata=told) for told in ({}, {"service_tier": "default"}))
    usual, flex = (prices().cost_usd("gpt-5.5", MILLION, tier) for tier in (None, "flex"))

    assert usual is not None
    assert flex is not None
    assert flex < usual
    assert [prices().cost_of(response, "gpt-5.5", "flex") for response in (silent, telling)] == [flex, usual]


def test_counts_that_cannot_be_are_not_priced() -> None:
    assert prices().cost_usd("gpt-4o", Usage(input_tokens=5, cache_read_tokens=50)) is None


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ("ft:gpt-4o-mini-2024-07-18:acme::x1", "gpt-4o-mini-2024-07-18"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("gpt-4o", None),
        ("ft:", None),
    ],
)
def test_a_name_tells_what_a_model_was_made_from(model: str, base: str | None) -> None:
    assert base_model(model) == base


@pytest.mark.parametrize(
    ("provider", "model", "changes"),
    [
        ("google", "models/gemini-2.5-pro", {}),
        ("azure", "my-deployment", {"base_model": "gpt-4o"}),
        ("google", "tunedModels/farm-1", {"base_model": "gemini-2.5-pro"}),
        ("local", "farm-adapter", {"base_model": "farm", "own": OWN}),
        ("openai", "ft:farm:org::id", {"own": OWN}),
    ],
)
def test_a_model_without_a_price_has_that_of_its_base(provider: str, model: str, changes: dict[str, object]) -> None:
    base = base_model(model) or str(changes["base_model"])

    assert prices(provider, **changes).cost_usd(model, MILLION) == prices(provider, **changes).cost_usd(base, MILLION) != None  # noqa: E711


def test_the_model_that_answered_is_priced_and_else_the_one_that_was_asked() -> None:
    told, alias = a_response(model="gpt-4o-mini-2024-07-18", usage=MILLION), a_response(model="served", usage=MILLION)

    assert prices().cost_of(told, "gpt-4o-mini") == prices().cost_of(alias, "gpt-4o-mini") == prices().cost_usd("gpt-4o-mini", MILLION)


def test_settings_say_prices_base_model_and_where() -> None:
    at_home = ProviderSettings(kind="openai", model="m", api_key=SecretStr("k"), base_url="https://api.openai.com/v1", base_model="gpt-4o")
    moved = {"base_url": "https://api.groq.com/openai/v1", "prices": {"m": PriceSettings(input_usd=1.0, output_usd=2.0)}}

    usual, elsewhere = prices_of(at_home), prices_of(at_home.model_copy(update=moved))

    assert (elsewhere.api_url, elsewhere.own) == ("https://api.groq.com/openai/v1", {"m": TokenPrice(input_usd=1.0, output_usd=2.0)})
    assert (usual.api_url, usual.base_model, usual.provider) == (None, "gpt-4o", "openai")


def answered(cost: float | None = None, **facts: Any) -> ModelResponse:
    return ModelResponse(model="m", parts=(), metadata={} if cost is None else {COST: cost}, **facts)


@pytest.mark.parametrize(
    ("responses", "expected"),
    [
        ([], 0.0),
        ([answered(0.25), answered(0.5)], 0.75),
        ([answered(0.25), answered(cached=True)], 0.25),
        ([answered(0.25), answered()], None),
        ([answered(), answered(0.25)], None),
    ],
)
def test_several_calls_have_a_cost_where_each_has(responses: list[ModelResponse], expected: float | None) -> None:
    before: float | None = 0.0

    assert functools.reduce(total_usd, responses, before) == expected
