"""What a model's answer is kept under: a digest of everything that changes the answer."""

import hashlib
import json
from dataclasses import fields
from operator import attrgetter

from .inference import ModelRequest
from .parts import ImagePart, ModelMessage, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from .pickling import remember
from .tool_schema import ToolSchema

KEY_SCHEMA = 2
"""Raised when keys or the answers kept under them change their meaning."""

SILENT_FIELDS = frozenset({"cache", "metadata", "prompt_cache", "request_id", "restarts_stream", "service_tier"})
"""What of a request does not change its answer."""

_settings_of = attrgetter(*(field.name for field in fields(ModelRequest) if field.name not in SILENT_FIELDS | {"messages", "tools"}))
_tool_of = attrgetter(*(field.name for field in fields(ToolSchema)))
_VALUES_OF = {
    cls: attrgetter("kind", *(field.name for field in fields(cls) if field.name != "kind"))
    for cls in (TextPart, ReasoningPart, ToolCallPart, ToolResultPart, ImagePart)
}
"""Every part's fields are JSON already, so its values are its one spelling."""
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def cache_key(provider: str, request: ModelRequest) -> str:
    """The key of a request to a provider, 64 hexadecimal digits: equal for equal requests, in every process."""
    tools = [_tool_of(tool) for tool in request.tools]
    digest = hashlib.sha256(_encode([KEY_SCHEMA, provider, _settings_of(request), tools]).encode("ascii"))
    for message in request.messages:
        digest.update(_spelled(message).encode("ascii"))
    return digest.hexdigest()


def stable_digest(document: object) -> str:
    """SHA-256 of a JSON value's one spelling; unlike `canonical.digest` it takes NaN and halves of characters as well."""
    return hashlib.sha256(_encode(document).encode("ascii")).hexdigest()


def _spelled(message: ModelMessage) -> str:
    """A message's JSON. It is asked for with every later request of its session, so it is made once."""
    try:
        return message.spelled
    except AttributeError:
        return remember(message, "spelled", _encode([message.role, *map(_part, message.parts)]))


def _part(part: Part) -> object:
    if type(part) is TextPart and part.provider_data is None:
        return part.text  # nearly all parts are such; the others are JSON arrays, so the two cannot be confused
    return _VALUES_OF[type(part)](part)
