"""The parameters of a Python function: the JSON schemas a model sees of them, and the values the function is called with."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from .canonical import canonical_json
from .exceptions import LLMConfigurationError, LLMToolError
from .tools import ToolCallContext

JsonSchema = dict[str, Any]  # passed through

BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionParameters:
    """What a function takes."""

    schemas: dict[str, JsonSchema]
    definitions: dict[str, JsonSchema]
    required: tuple[str, ...]
    adapters: dict[str, TypeAdapter[Any]]  # a parameter may have any type
    injected: tuple[str, ...]
    """The parameters that are given the ToolCallContext; a model does not see them."""

    @classmethod
    def of(cls, function: Callable[..., Any], descriptions: Mapping[str, str]) -> "FunctionParameters":
        """The parameters of `function`; raises LLMConfigurationError naming the one that a tool cannot have."""
        hints = _type_hints(function)
        parameters = {name: _supported(function, parameter, hints) for name, parameter in _signature(function).items()}
        injected = tuple(name for name in parameters if hints[name] is ToolCallContext)
        adapters = {name: _adapter(function, name, hints[name]) for name in parameters if name not in injected}
        inputs = [(name, "validation", adapter) for name, adapter in adapters.items()]
        schemas, shared = TypeAdapter.json_schemas(inputs, ref_template="#/$defs/{model}")  # type: ignore[arg-type]  # a str is a key too
        for name, adapter in adapters.items():
            _describe(schemas[name, "validation"], adapter, parameters[name], descriptions.get(name))
        return cls(
            schemas={name: schemas[name, "validation"] for name in adapters},
            definitions=shared.get("$defs", {}),
            required=tuple(name for name in adapters if parameters[name].default is inspect.Parameter.empty),
            adapters=adapters,
            injected=injected,
        )

    def bind(self, arguments: Mapping[str, Any], call: ToolCallContext) -> dict[str, Any]:
        """The keyword arguments of the function for arguments that satisfy the schemas."""
        return {name: self._built(name, value) for name, value in arguments.items()} | dict.fromkeys(self.injected, call)

    def _built(self, name: str, value: Any) -> Any:  # JSON in, the parameter's type out
        adapter = self.adapters.get(name)
        if adapter is None:
            raise LLMToolError(f"unknown parameter {name!r}; known: {', '.join(self.adapters) or 'none'}")
        try:
            return adapter.validate_python(value)
        except ValidationError as exc:
            reasons = (f"{'.'.join(map(str, ('$', name, *error['loc'])))}: {error['msg']}" for error in exc.errors())
            raise LLMToolError(f"invalid arguments: {'; '.join(reasons)}") from exc


def _refusal(function: Callable[..., Any], problem: str, remedy: str) -> LLMConfigurationError:
    name = getattr(function, "__qualname__", repr(function))
    return LLMConfigurationError(f"function {name!r} cannot be a tool: {problem}; {remedy}", "tool", name)


def _signature(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise _refusal(function, "it is a generator", "let it return a list")
    return inspect.signature(function).parameters


def _type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as exc:
        raise _refusal(function, f"its annotations cannot be read ({exc})", "annotate its parameters with types of its module") from exc


def _supported(function: Callable[..., Any], parameter: inspect.Parameter, hints: Mapping[str, Any]) -> inspect.Parameter:
    if parameter.kind not in BY_NAME:
        raise _refusal(function, f"parameter {str(parameter)!r} cannot be given by name", "name and annotate each parameter")
    if parameter.name not in hints:
        raise _refusal(function, f"parameter {parameter.name!r} has no annotation", "annotate it with its type")
    return parameter


def _adapter(function: Callable[..., Any], name: str, hint: Any) -> TypeAdapter[Any]:  # any type
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(hint)
        adapter.json_schema()
    except PydanticUserError as exc:
        problem = f"parameter {name!r} of type {hint!r} has no JSON schema"
        raise _refusal(function, problem, "use JSON types, enums, dataclasses or pydantic models") from exc
    return adapter


def _describe(schema: JsonSchema, adapter: TypeAdapter[Any], parameter: inspect.Parameter, description: str | None) -> None:
    if description is not None:
        schema.setdefault("description", description)
    if parameter.default is not inspect.Parameter.empty:
        try:
            default = adapter.dump_python(parameter.default, mode="json", warnings=False)
            canonical_json(default)
        except (TypeError, ValueError):  # the function knows its default, the model need not
            return
        schema["default"] = default
