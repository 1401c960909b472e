"""Functions as tools: `@tool`, and the names by which another process finds a tool again."""

import functools
import importlib
import inspect
import re
import sys
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, Unpack, overload

from .docstrings import Docstring
from .exceptions import LLMConfigurationError
from .tool_needs import ToolNeeds, needs_among
from .tool_parameters import FunctionParameters
from .tool_schema import Effect, ToolSchema
from .tools import BaseTool, ToolCallContext

P = ParamSpec("P")
R = TypeVar("R")

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What every provider takes as a name, https://platform.openai.com/docs/api-reference/chat/create."""


class ToolOptions(ToolNeeds, total=False):
    """What a function does not say about itself as a tool."""

    name: str
    description: str
    effect: Effect
    timeout_s: float | None
    cache_ttl_s: float | None
    max_result_chars: int | None
    requires_approval: bool


class FunctionTool(BaseTool, Generic[P, R]):
    """A function as a tool; it can still be called as the function."""

    def __init__(self, function: Callable[P, R], **options: Unpack[ToolOptions]) -> None:
        functools.update_wrapper(self, function, updated=())
        docs = Docstring.of(function)
        self.function: Callable[..., R] = function
        self.options = options
        self._parameters = FunctionParameters.of(function, docs.parameters)
        self._schema = self._described(docs.summary)
        super().__init__(self._schema.name, self._schema.description)

    def _described(self, summary: str) -> ToolSchema:
        name = getattr(self.function, "__name__", "")
        said = {option: value for option, value in self.options.items() if option not in self.needs}
        described: dict[str, Any] = {"name": name, "description": summary or name, **said}  # ToolSchema's keywords
        if not TOOL_NAME.fullmatch(described["name"]):
            problem = f"{described['name']!r} is not a name that models can call"
            remedy = "choose 1 to 64 letters, digits, _ and -: @tool(name=...)"
            raise LLMConfigurationError(f"{problem}; {remedy}", "name", described["name"])
        return ToolSchema(
            parameters=self._parameters.schemas,
            required=list(self._parameters.required),
            definitions=self._parameters.definitions,
            closed=True,
            **described,
        )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @property
    def needs(self) -> ToolNeeds:
        """What the options say of it."""
        return needs_among(self.options)

    @property
    def reads_call(self) -> bool:
        """Whether the function has a parameter for the ToolCallContext."""
        return bool(self._parameters.injected)

    def get_schema(self) -> ToolSchema:
        """The schema made of the function's annotations and docstring."""
        return self._schema

    async def execute(self, parameters: dict[str, Any]) -> Any:  # JSON in, what the function returns out
        """What the function answers outside any session."""
        outcome = self.execute_with_context(parameters, ToolCallContext())
        return await outcome if inspect.isawaitable(outcome) else outcome

    def execute_with_context(self, parameters: dict[str, Any], call: ToolCallContext) -> R:
        """What the function returns: a coroutine, if it is an async one."""
        return self.function(**self._parameters.bind(parameters, call))

    @property
    def is_async(self) -> bool:
        """Whether the function is an async one."""
        return inspect.iscoroutinefunction(self.function)

    def __reduce__(self) -> str | tuple[Any, ...]:
        name: str = getattr(self, "__qualname__", "")
        if self.__module__ != "__main__" and _found(self.__module__, name) is self:
            return name
        return functools.partial(FunctionTool, **self.options), (self.function,)


@overload
def tool(function: Callable[P, R], /) -> FunctionTool[P, R]: ...
@overload
def tool(**options: Unpack[ToolOptions]) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...
def tool(function: Callable[..., Any] | None = None, /, **options: Unpack[ToolOptions]) -> Any:  # as the overloads say
    """A plain or async function as a tool, described by its annotations and its Google-style docstring.

    A parameter annotated `ToolCallContext` is given the call's context and is not shown to the model.
    """
    return functools.partial(FunctionTool, **options) if function is None else FunctionTool(function, **options)


def tool_reference(tool: BaseTool | type[BaseTool]) -> str:
    """The `module:name` by which `load_tool` finds this very tool in another process; raises LLMConfigurationError when it could not."""
    module, name = tool.__module__, getattr(tool, "__qualname__", None)
    if name is None:
        problem = f"tool {tool.name!r} is an object, and another process would get a different one"
        raise LLMConfigurationError(f"{problem}; refer to its class, or to its place as 'module:name', or keep it live", "tool", tool.name)
    if module == "__main__" or not _stands_at(tool, _found(module, name)):
        problem = f"tool {name!r} cannot be imported from {module!r} by another process"
        raise LLMConfigurationError(f"{problem}; define it at the top level of a module", "tool", name)
    return f"{module}:{name}"


def load_tool(reference: str) -> BaseTool:
    """The tool at `module:name`: an object, a class (built without arguments) or a plain function; raises LLMConfigurationError."""
    module, _, name = reference.partition(":")
    if not module or not name or module.startswith("."):
        raise _unloadable(reference, "it is not of the form 'module:name'", "write it so")
    try:
        found = _found(importlib.import_module(module).__name__, name)
    except ImportError as exc:
        raise _unloadable(
            reference, f"{module!r} cannot be imported ({exc})", "install it where tools run, or put it on their path"
        ) from exc
    return _as_tool(reference, found)


def _as_tool(reference: str, found: object) -> BaseTool:
    if isinstance(found, BaseTool):
        return found
    if isinstance(found, type) and issubclass(found, BaseTool):
        try:
            return found()
        except TypeError as exc:
            raise _unloadable(reference, f"the class cannot be built without arguments ({exc})", "refer to an object of it") from exc
    if inspect.isfunction(found):
        return FunctionTool(found)
    problem = "there is no such name" if found is None else f"it is a {type(found).__qualname__}"
    raise _unloadable(reference, problem, "name a tool, a subclass of BaseTool or a function")


def _unloadable(reference: str, problem: str, remedy: str) -> LLMConfigurationError:
    return LLMConfigurationError(f"tool {reference!r} cannot be loaded: {problem}; {remedy}", "tools", reference)


def _found(module: str, name: str) -> object | None:
    found: object | None = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _stands_at(tool: BaseTool | type[BaseTool], found: object) -> bool:
    return found is tool or (isinstance(tool, FunctionTool) and not tool.options and found is tool.function)
