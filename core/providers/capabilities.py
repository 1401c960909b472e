"""What a provider can do over one of its wires, as a declaration; and what becomes of a request that asks for more.

What is a mere hint is left out, and said so. What the caller relies on is an error. Nothing is dropped in silence.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..canonical import MAX_DEPTH, is_too_deep
from ..exceptions import LLMConfigurationError
from ..inference import ModelRequest, PromptCache
from ..parts import ImagePart

WARNINGS = "warnings"
"""Where a response's metadata tells what was left out of its request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a wire has a place for; a model may still lack it."""

    streaming: bool = True
    tools: bool = True
    parallel_tool_calls: bool = True
    """Whether a request may say that tools are to be called one by one."""
    tool_choice: bool = True
    """Whether a request may demand that a tool is called."""
    json_schema: bool = True
    """Whether the server itself sees to a response schema."""
    images: bool = True
    reasoning_effort: bool = True
    top_p: bool = True
    stop: bool = True
    seed: bool = True
    service_tier: bool = True
    prompt_cache_key: bool = True
    prompt_cache_after: bool = True
    """Whether a request may say where the kept beginning of a prompt ends."""
    prompt_cache_ttl: bool = True

    def without(self, *names: str) -> "Capabilities":
        """The same but for these; raises LLMConfigurationError for a name that is none."""
        if unknown := sorted(set(names) - FEATURES.keys()):
            message = f"no such capability: {', '.join(unknown)}; there are {', '.join(FEATURES)}"
            raise LLMConfigurationError(message, config_key="lacks", config_value=unknown)
        changes: dict[str, Any] = dict.fromkeys(names, False)  # all fields are claims
        return replace(self, **changes)


FEATURES = {
    "streaming": "streaming",
    "tools": "tool calls",
    "parallel_tool_calls": "tools one by one, on demand",
    "tool_choice": "a tool call on demand",
    "json_schema": "JSON schema, seen to by the server",
    "images": "images",
    "reasoning_effort": "reasoning effort",
    "top_p": "top_p",
    "stop": "stop sequences",
    "seed": "seed",
    "service_tier": "service tier",
    "prompt_cache_key": "prompt cache: key",
    "prompt_cache_after": "prompt cache: where it ends",
    "prompt_cache_ttl": "prompt cache: how long",
}
"""In words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A request that asks for nothing that its wire has no place for, and what was left out."""

    request: ModelRequest
    warnings: tuple[str, ...] = ()


def fitted(request: ModelRequest, can: Capabilities, provider: str) -> Fitted:
    """The request without hints that the wire cannot pass on; raises LLMConfigurationError for what the caller relies on."""
    if is_too_deep(request.response_schema):
        message = f"the response_schema for model {request.model!r} is nested deeper than {MAX_DEPTH} levels: make it flatter"
        raise LLMConfigurationError(message, config_key="response_schema", provider=provider, model_name=request.model)
    lost = [name for name in _lacking(can) if name in _ASKED and _ASKED[name](request)]
    if not lost:
        return Fitted(request=request)
    if relied_on := next((name for name in lost if name not in _HINTS), None):
        message = f"{provider} has no {FEATURES[relied_on]} over this wire, and model {request.model!r} was asked with them: leave them out"
        raise LLMConfigurationError(message, config_key=relied_on, provider=provider, model_name=request.model)
    changes: dict[str, Any] = {name: None for name in lost if not name.startswith("prompt_cache")}  # fields of ModelRequest
    warnings = tuple(f"{name} was not sent: {provider} has no {FEATURES[name]} over this wire" for name in lost)
    return Fitted(request=replace(request, prompt_cache=_cut(request.prompt_cache, lost), **changes), warnings=warnings)


@functools.cache
def _lacking(can: Capabilities) -> tuple[str, ...]:
    return tuple(name for name in FEATURES if not getattr(can, name))


_ASKED: Mapping[str, Callable[[ModelRequest], object]] = {
    "tools": lambda request: request.tools,
    "parallel_tool_calls": lambda request: request.parallel_tool_calls is False and request.tools,
    "tool_choice": lambda request: request.tools and request.tool_choice not in ("auto", "none"),
    "images": lambda request: any(isinstance(part, ImagePart) for message in request.messages for part in message.parts),
    "top_p": lambda request: request.top_p is not None,
    "stop": lambda request: request.stop,
    "reasoning_effort": lambda request: request.reasoning_effort is not None,
    "seed": lambda request: request.seed is not None,
    "service_tier": lambda request: request.service_tier is not None,
    "prompt_cache_key": lambda request: request.prompt_cache and request.prompt_cache.key is not None,
    "prompt_cache_after": lambda request: request.prompt_cache and request.prompt_cache.after,
    "prompt_cache_ttl": lambda request: request.prompt_cache and request.prompt_cache.ttl,
}
"""Whether a request asks for something; the other capabilities are made up for, and lose nothing."""
_HINTS = frozenset({"reasoning_effort", "seed", "service_tier", "prompt_cache_key", "prompt_cache_after", "prompt_cache_ttl"})
"""What only makes an answer cheaper, sooner or more alike."""


def _cut(cache: PromptCache | None, lost: list[str]) -> PromptCache | None:
    if cache is None:
        return None
    kept = replace(
        cache,
        key=None if "prompt_cache_key" in lost else cache.key,
        after=() if "prompt_cache_after" in lost else cache.after,
        ttl=None if "prompt_cache_ttl" in lost else cache.ttl,
    )
    return None if kept == _NO_CACHE else kept


_NO_CACHE = PromptCache()
