"""Parameters that one wire alone has: a request's `extras`, sorted by wire, and a provider's in the settings. For all codecs."""

import json
from collections.abc import Mapping

from pydantic import JsonValue

from ..canonical import MAX_DEPTH, is_too_deep
from ..exceptions import LLMConfigurationError
from ..inference import ModelRequest


def wire_extras(request: ModelRequest, wire: str) -> dict[str, JsonValue]:
    """The parameters that a request has for one wire alone; raises LLMConfigurationError unless all extras are sorted by wire."""
    if not request.extras:
        return {}
    for name, parameters in request.extras.items():
        if not isinstance(parameters, dict):
            shown = parameters if isinstance(parameters, int | float | None) else "..."  # a text may be a secret
            example = json.dumps({wire: {name: shown}})
            message = f"extras are sorted by wire, but {name!r} stands outside of one: write {example}"
            raise LLMConfigurationError(message, config_key="extras", config_value=name, model_name=request.model)
    found = request.extras.get(wire)
    if is_too_deep(found):
        message = f"the extras for {wire!r} are nested deeper than {MAX_DEPTH} levels: make them flatter"
        raise LLMConfigurationError(message, config_key="extras", model_name=request.model)
    return dict(found) if isinstance(found, dict) else {}


def bring_tools(extras: Mapping[str, JsonValue]) -> bool:
    """Whether a wire's extras bring tools, or say how tools are to be called."""
    return not _OF_TOOLS.isdisjoint(extras)


_OF_TOOLS = frozenset({"tools", "tool_choice", "toolConfig"})


def with_extras(payload: Mapping[str, JsonValue], extras: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The payload with extras inside its objects, unless those are of another `type`, and with further tools; None takes away."""
    return _joined(payload, extras, keep_none=False)


def joined_extras(usual: Mapping[str, JsonValue], asked: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The usual extras with those that were asked for, joined as they are with a payload; None goes on to take away there."""
    return _joined(usual, asked, keep_none=True)


def _joined(known: Mapping[str, JsonValue], news: Mapping[str, JsonValue], *, keep_none: bool) -> dict[str, JsonValue]:
    result = dict(known)
    for name, new in news.items():
        old = result.pop(name, None)
        if isinstance(new, dict):
            same = isinstance(old, dict) and new.get("type", old.get("type")) == old.get("type")
            result[name] = _joined(old if isinstance(old, dict) and same else {}, new, keep_none=keep_none)
        elif isinstance(new, list) and isinstance(old, list) and name == "tools":
            result[name] = [*old, *new]
        elif new is not None or keep_none:
            result[name] = new
    return result
