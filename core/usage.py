"""Token usage in one normal form, whatever the provider reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from .pickling import pickled_by_fields

USAGE = "usage"
"""Where the context of an error tells what the answers took that it is about."""
_COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one or more model calls; sums with `+`."""

    input_tokens: int = 0
    """All input, cached tokens included."""
    output_tokens: int = 0
    """All output, reasoning included."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    raw: dict[str, JsonValue] = field(default_factory=dict)
    """The provider's own report of one call; empty for a sum."""

    @property
    def total_tokens(self) -> int:
        """Input plus output."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in _COUNTS})

    def as_json(self) -> dict[str, JsonValue]:
        """The counts by name."""
        return {name: getattr(self, name) for name in _COUNTS}

    @classmethod
    def of(cls, context: Mapping[str, Any]) -> "Usage | None":  # JSON
        """The usage that an error's context tells of, if it does."""
        told = context.get(USAGE)
        return cls(**{name: told[name] for name in _COUNTS if isinstance(told.get(name), int)}) if isinstance(told, dict) else None


pickled_by_fields(Usage)
