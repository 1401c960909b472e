"""What a tool is: a schema, a check of its arguments, and one way to run it. Where it runs, and for how long, is decided elsewhere."""

import functools
import inspect
import logging
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, ClassVar

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from pydantic import JsonValue
from referencing import Registry
from referencing.exceptions import Unresolvable

from .call_context import CallContext
from .exceptions import LLMConfigurationError, LLMToolError
from .tool_needs import ToolNeeds
from .tool_results import shortened
from .tool_schema import ToolSchema

MAX_REASONS = 5
MAX_REASON_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallContext:
    """Whose work a tool call is part of: what a tool is told beside its arguments, when it asks."""

    session_id: str = ""
    run_id: str = ""
    step: int = 0
    call_id: str = ""
    idempotency_key: str = field(default_factory=lambda: uuid.uuid4().hex)
    """The same for every attempt at this call, and for no other call."""
    context: Mapping[str, JsonValue] = field(default_factory=dict)
    """The run's context, which the model does not see."""
    timeout_s: float | None = None
    """Seconds that the call may take, from its beginning; None where nobody set a limit."""

    @classmethod
    def of(cls, call: CallContext, context: Mapping[str, JsonValue]) -> "ToolCallContext":
        """The tool's view of a call between actors."""
        return cls(
            session_id=call.session_id,
            run_id=call.run_id,
            step=call.step,
            call_id=call.call_id,
            idempotency_key=call.idempotency_key,
            context=dict(context),
        )


class BaseTool(ABC):
    """A tool; a subclass needs `get_schema` and `execute`, which may be a plain or an async method."""

    keeps_its_time: ClassVar[bool] = False
    """Whether the tool ends a call by itself when its time, which the ToolCallContext tells, is over."""
    _check: "ArgumentsCheck | None" = None

    def __init__(self, name: str | None = None, description: str | None = None) -> None:
        if name is not None:
            self.name = name
        if description is not None:
            self.description = description

    @functools.cached_property
    def name(self) -> str:
        """The name by which the tool is called; the schema's, unless given."""
        return self.get_schema().name

    @functools.cached_property
    def description(self) -> str:
        """What the tool is good for; the schema's, unless given."""
        return self.get_schema().description

    @functools.cached_property
    def logger(self) -> logging.Logger:
        """The logger of the tool's class."""
        return logging.getLogger(f"polaris.llm.{type(self).__name__}")

    @abstractmethod
    def get_schema(self) -> ToolSchema:
        """What the model is told of the tool."""

    @abstractmethod
    def execute(self, parameters: dict[str, Any]) -> Any:  # JSON in, JSON or an awaitable of JSON out
        """The tool's answer to parameters that satisfy its schema."""

    def execute_with_context(self, parameters: dict[str, Any], call: ToolCallContext) -> Any:  # as `execute`
        """What is run for a call; override it instead of calling `execute` to know whose work the call is part of."""
        return self.execute(parameters)

    @property
    def is_async(self) -> bool:
        """Whether running the tool leaves the event loop free."""
        return inspect.iscoroutinefunction(self.execute) or inspect.iscoroutinefunction(self.execute_with_context)

    @property
    def needs(self) -> ToolNeeds:
        """What a node must have that runs the tool for a cluster."""
        return {}

    @property
    def reads_call(self) -> bool:
        """Whether an answer may hang on whose work the call is part of, and not on the parameters alone."""
        return type(self).execute_with_context is not BaseTool.execute_with_context

    async def validate_parameters(self, parameters: dict[str, Any]) -> bool:
        """True; raises LLMToolError naming every parameter that does not satisfy the schema, and why."""
        schema = self.get_schema()
        if self._check is None or self._check.schema != schema:
            self._check = ArgumentsCheck(schema)
        self._check.run(parameters)
        return True

    def get_openai_format(self) -> dict[str, Any]:
        """The tool as OpenAI's chat completions take it."""
        return self._callable_schema().to_openai_format()

    def get_anthropic_format(self) -> dict[str, Any]:
        """The tool as Anthropic's messages take it."""
        return self._callable_schema().to_anthropic_format()

    def get_google_format(self) -> dict[str, Any]:
        """The tool as Gemini takes it."""
        return self._callable_schema().to_google_format()

    def _callable_schema(self) -> ToolSchema:
        return replace(self.get_schema(), name=self.name, description=self.description)


def check_schema(schema: ToolSchema) -> None:
    """Raises LLMConfigurationError when the parameters' schemas are not JSON schemas."""
    try:
        Draft202012Validator.check_schema(schema.json_schema())
    except SchemaError as exc:
        problem = f"the parameters of tool {schema.name!r} are not a JSON schema: {_reason(exc)}"
        remedy = 'map each parameter\'s name to its schema, such as {"city": {"type": "string"}}'
        raise LLMConfigurationError(f"{problem}; {remedy}", "parameters") from exc


class ArgumentsCheck:
    """Holds arguments against a tool's schema; nothing is coerced, no reference is fetched."""

    def __init__(self, schema: ToolSchema) -> None:
        self.schema = schema
        self._validator = Draft202012Validator(schema.json_schema(), registry=Registry())

    def run(self, arguments: dict[str, Any]) -> None:
        """Raises LLMToolError naming every argument that does not satisfy the schema, and why."""
        missing = [name for name in self.schema.required if name not in arguments]
        if missing:
            raise LLMToolError(f"Missing required parameter: {', '.join(missing)}", self.schema.name)
        reasons = self._reasons(arguments)
        if reasons:
            raise LLMToolError(f"invalid arguments for tool {self.schema.name!r}: {'; '.join(reasons)}", self.schema.name)

    def _reasons(self, arguments: dict[str, Any]) -> list[str]:
        try:
            return [_reason(best_match([error]) or error) for error in islice(self._validator.iter_errors(arguments), MAX_REASONS)]
        except Unresolvable as exc:
            problem = f"the schema of tool {self.schema.name!r} refers to {exc.ref!r}, which it does not hold"
            raise LLMToolError(f"{problem}; put it among the schema's definitions", self.schema.name) from exc


def _reason(error: ValidationError | SchemaError) -> str:
    return f"{error.json_path}: {shortened(error.message, MAX_REASON_CHARACTERS)}"
