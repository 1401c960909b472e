"""What a call costs: by prices of one's own, else by those that the package genai-prices knows (extra `pricing`); never by a guess.

A model that has no price under its own name, such as a fine-tuned one or a deployment, has that of its base model, where that is known.
"""

import importlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from .inference import ModelResponse
from .usage import Usage

COST = "cost_usd"
"""Where a response's metadata tells it, or the context of an error that tells of usage."""
SERVICE_TIER = "service_tier"
"""Where it tells the tier that answered, as far as the server does."""
PER_TOKENS = 1_000_000

_WRITTEN_FOR = {"ephemeral_5m_input_tokens": "cache_write_5m_tokens", "ephemeral_1h_input_tokens": "cache_write_1h_tokens"}
_USUAL_TIERS = frozenset({"", "auto", "default", "standard", "standard_only", "on_demand", "unspecified"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPrice:
    """US dollars for a million tokens."""

    input_usd: float
    output_usd: float
    cache_read_usd: float | None = None
    """None: as other input."""
    cache_write_usd: float | None = None
    """None: as other input."""

    def cost_usd(self, usage: Usage) -> float:
        """US dollars of one call, or of several."""
        fresh = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
        read_usd = self.input_usd if self.cache_read_usd is None else self.cache_read_usd
        write_usd = self.input_usd if self.cache_write_usd is None else self.cache_write_usd
        dear = fresh * self.input_usd + usage.cache_read_tokens * read_usd + usage.cache_write_tokens * write_usd
        return (dear + usage.output_tokens * self.output_usd) / PER_TOKENS


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The prices of one provider's models."""

    provider: str
    """As genai-prices names it, where it is one of those."""
    api_url: str | None = None
    """Where it is asked, when that tells more than its name."""
    own: Mapping[str, TokenPrice] = field(default_factory=dict)
    """By model; they win over what genai-prices knows."""
    base_model: str | None = None
    """What the provider's models are made from, where their names do not tell."""
    library: ModuleType | None = field(default_factory=lambda: price_library(), repr=False)

    def cost_usd(self, model: str, usage: Usage, service_tier: str | None = None) -> float | None:
        """US dollars of a call, or None when nobody knows."""
        names = [name for name in (model, base_model(model), self.base_model) if name]
        for name in names:
            if name in self.own:
                return self.own[name].cost_usd(usage)
        return next((cost for name in names if (cost := self._looked_up(name, usage, service_tier)) is not None), None)

    def cost_of(self, response: ModelResponse, asked_model: str, asked_tier: str | None = None) -> float | None:
        """US dollars of the call that this is the answer to; the server may tell the model's full name, and another tier than was asked."""
        told = response.metadata.get(SERVICE_TIER)
        tier = told if isinstance(told, str) else asked_tier
        costs = (self.cost_usd(model, response.usage, tier) for model in dict.fromkeys((response.model, asked_model)) if model)
        return next((cost for cost in costs if cost is not None), None)

    def _looked_up(self, model: str, usage: Usage, service_tier: str | None) -> float | None:
        if self.library is None:
            return None
        where = {"provider_api_url": self.api_url} if self.api_url else {"provider_id": self.provider}
        tier = (service_tier or "").lower()
        context = {} if tier in _USUAL_TIERS else {"price_context": {"service_tier": tier}}
        try:
            price = self.library.calc_price(_counted(self.library, usage), model, **where, **context)
        except (LookupError, ValueError):  # unknown there, or counts that its prices do not fit
            return None
        if context and not _has_price_for(price.model, tier):
            return None
        return float(price.total_price)


def total_usd(before: float | None, response: ModelResponse) -> float | None:
    """US dollars of some calls and one more; None as soon as the cost of one is not known. What a cache answered costs nothing."""
    return added_usd(before, 0.0 if response.cached else response.metadata.get(COST))


def added_usd(before: float | None, cost: object) -> float | None:
    """The same, where one more cost this much."""
    return before + cost if before is not None and isinstance(cost, int | float) else None


def price_library() -> ModuleType | None:
    """The package genai-prices, if it is installed."""
    try:
        return importlib.import_module("genai_prices")
    except ImportError:
        return None


def base_model(model: str) -> str | None:
    """The model that a fine-tuned one was made from, or the bare name of one with a path, as far as its name tells."""
    if model.startswith("ft:"):
        return model.split(":")[1] or None
    return model.rpartition("/")[2] or None if model.startswith("models/") else None


def _counted(library: ModuleType, usage: Usage) -> Any:  # the library's own Usage
    counts = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        **_kept_longer(usage.raw),
    }
    return library.Usage(**counts)


def compactions(raw: Mapping[str, Any]) -> list[dict[str, Any]]:  # JSON
    """Anthropic's reports of what summing up the conversation took, which the report of the call itself does not count."""
    iterations = raw.get("iterations")
    listed = iterations if isinstance(iterations, list) else []
    return [each for each in listed if isinstance(each, dict) and each.get("type") == "compaction"]


def _kept_longer(raw: Mapping[str, Any]) -> Counter[str]:  # JSON
    """Anthropic's split of what was written to its cache: an hour is dearer than five minutes."""
    kept: Counter[str] = Counter()
    for report in (raw, *compactions(raw)):
        told = report.get("cache_creation")
        for theirs, ours in _WRITTEN_FOR.items():
            count = told.get(theirs) if isinstance(told, dict) else None
            kept[ours] += count if isinstance(count, int) else 0
    return +kept


def _has_price_for(model: Any, service_tier: str) -> bool:  # the library's ModelInfo
    return any(variant.when.get("service_tier") == service_tier for variant in model.price_variants or ())
