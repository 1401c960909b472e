"""What a wire attaches to a part of an answer so that it can go back as it came: under its name in `provider_data`. For all codecs."""

from collections.abc import Mapping

from pydantic import JsonValue

from ..parts import ProviderData


def keeping(wire: str, kept: Mapping[str, JsonValue]) -> ProviderData | None:
    """A part's provider_data; None when there is nothing to keep."""
    return {wire: dict(kept)} if kept else None


def kept_of(data: ProviderData | None, wire: str) -> dict[str, JsonValue]:
    """What a wire attached to a part, as a copy."""
    kept = (data or {}).get(wire)
    return dict(kept) if isinstance(kept, dict) else {}
