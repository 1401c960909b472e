"""What a model is told of a tool, and what the runtime may do with a call of it."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from .pickling import pickled_by_fields
from .providers.google_schema import wire_schema

Effect = Literal["pure", "idempotent", "once"]
"""pure: same arguments, same answer, no effect. idempotent: may be run again. once: must never run twice for one call."""


@dataclass(frozen=True, slots=True)
class ToolSchema:
    """A tool's name, purpose and parameters; `parameters` maps each parameter's name to its JSON schema."""

    name: str
    description: str
    parameters: dict[str, Any]  # JSON schemas, passed through
    required: list[str] = field(default_factory=list)
    effect: Effect = field(default="once", kw_only=True)
    """What a tool does not say about itself is taken to be the worst."""
    requires_approval: bool = field(default=False, kw_only=True)
    timeout_s: float | None = field(default=None, kw_only=True)
    """Seconds one call may take; None leaves it to the settings."""
    cache_ttl_s: float | None = field(default=None, kw_only=True)
    """Seconds for which a result answers equal calls too; None and 0 keep nothing."""
    max_result_chars: int | None = field(default=None, kw_only=True)
    """Characters of one result, as JSON, where that is less than the settings allow."""
    definitions: dict[str, Any] = field(default_factory=dict, kw_only=True)
    """JSON schemas that `parameters` refers to as `#/$defs/NAME`."""
    closed: bool = field(default=False, kw_only=True)
    """Whether parameters that are not listed are refused."""

    @property
    def kept_for_s(self) -> float | None:
        """`cache_ttl_s`, but 0 for a tool that must never be spared a call."""
        return 0.0 if self.effect == "once" else self.cache_ttl_s

    def json_schema(self) -> dict[str, Any]:
        """The JSON schema (2020-12) of the whole arguments object."""
        schema: dict[str, Any] = {"type": "object", "properties": self.parameters, "required": self.required}
        if self.closed:
            schema["additionalProperties"] = False
        if self.definitions:
            schema["$defs"] = self.definitions
        return schema

    def to_openai_format(self) -> dict[str, Any]:
        """The tool as OpenAI's chat completions take it."""
        function = {"name": self.name, "description": self.description, "parameters": self.json_schema()}
        return {"type": "function", "function": function}

    def to_anthropic_format(self) -> dict[str, Any]:
        """The tool as Anthropic's messages take it."""
        return {"name": self.name, "description": self.description, "input_schema": self.json_schema()}

    def to_google_format(self) -> dict[str, Any]:
        """The tool as one of Gemini's function declarations."""
        declaration: dict[str, Any] = {"name": self.name, "description": self.description}
        if self.parameters:  # an object that may have no properties is refused
            declaration["parametersJsonSchema"] = wire_schema(self.json_schema())
        return declaration


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTool:
    """A tool and where it is found."""

    reference: str
    """`module:name`."""
    schema: ToolSchema


TOOL_SCHEMA: TypeAdapter[ToolSchema] = TypeAdapter(ToolSchema)

pickled_by_fields(ToolSchema)
