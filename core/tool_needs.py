"""What a tool needs of the node that it runs on, as the tool says it."""

from collections.abc import Mapping
from typing import Any, TypedDict, cast


class ToolNeeds(TypedDict, total=False):
    """What is set aside for a call, and where it runs; what is left out is as tool_registry says. See NeedsSettings."""

    num_cpus: float
    memory_mb: int
    resources: dict[str, float]
    labels: dict[str, str]


def needs_among(options: Mapping[str, Any]) -> ToolNeeds:  # options of any kind
    """Those of a tool's options that say what it needs."""
    return cast(ToolNeeds, {name: value for name, value in options.items() if name in ToolNeeds.__annotations__})


def joined_needs(weaker: ToolNeeds, stronger: ToolNeeds) -> ToolNeeds:
    """The needs of both: where both name a value, a resource or a label, the stronger's holds."""
    inner: ToolNeeds = {
        "resources": {**weaker.get("resources", {}), **stronger.get("resources", {})},
        "labels": {**weaker.get("labels", {}), **stronger.get("labels", {})},
    }
    return needs_among({name: value for name, value in {**weaker, **stronger, **inner}.items() if value != {}})
