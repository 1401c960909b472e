"""Token usage in one normal form, whatever the provider reports."""

from dataclasses import dataclass, field

from pydantic import JsonValue

from .pickling import pickled_by_fields


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
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
        )


pickled_by_fields(Usage)
