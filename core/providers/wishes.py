"""What all requests of one provider ask for that do not say otherwise."""

from dataclasses import dataclass, fields, replace
from typing import Any

from ..inference import ModelRequest, PromptCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Fields of ModelRequest, None for those that nothing is wished of."""

    top_p: float | None = None
    reasoning_effort: str | None = None
    service_tier: str | None = None
    prompt_cache: PromptCache | None = None

    def added_to(self, request: ModelRequest) -> ModelRequest:
        """The request with what it leaves open."""
        if self == _NONE:
            return request
        wished = {field.name: getattr(self, field.name) for field in fields(self)}
        changes: dict[str, Any] = {name: value for name, value in wished.items() if value is not None and getattr(request, name) is None}
        return replace(request, **changes)


_NONE = Wishes()
