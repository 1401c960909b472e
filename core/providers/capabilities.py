"""What a provider can do over one of its wires, as a declaration that the rest of the package reads."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a wire has a place for; a model may still lack it."""

    streaming: bool = True
    tools: bool = True
    parallel_tool_calls: bool = True
    """Whether a request may say that tools are to be called one by one."""
    json_schema: bool = True
    """Whether the server itself sees to a response schema."""
    images: bool = True
    reasoning: bool = True
    """Whether a request may say how hard the model is to think."""
    top_p: bool = True
    stop: bool = True
    seed: bool = True
    service_tier: bool = True
    prompt_cache: bool = True
