"""Which templates a request was made of. It stands in the request's metadata, which neither the model nor the cache's key sees."""

from collections.abc import Iterable, Mapping
from typing import Any

from .models import Message

TEMPLATES = "templates"
"""The key of the metadata: a list of names, versions and hashes, each template once."""


def with_origins(metadata: Mapping[str, Any], messages: Iterable[Message]) -> dict[str, Any]:  # JSON
    """The metadata with the templates that the messages say they were made of, unless it tells of templates itself."""
    told = [origin for message in messages if (origin := _origin(message)) is not None]
    found = {TEMPLATES: [origin for place, origin in enumerate(told) if origin not in told[:place]]} if told else {}
    return {**found, **metadata}


def _origin(message: Message) -> dict[str, str] | None:
    facts = message.metadata
    if "template" not in facts or "template_hash" not in facts:
        return None
    return {"name": facts["template"], "version": facts.get("template_version", ""), "hash": facts["template_hash"]}
