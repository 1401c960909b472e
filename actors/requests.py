"""What a caller asks of `LLMRuntime.submit`, taken apart: the run's specification, its tools by where they run, and the rest."""

import difflib
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, fields, replace
from typing import Any

from pydantic import ValidationError

from ..core.events import Event
from ..core.exceptions import LLMConfigurationError
from ..core.flat import typed_messages
from ..core.models import Message
from ..core.prompt_origins import with_origins
from ..core.runs import RUN_SPEC, RunLimits, RunSpec
from ..core.settings import Settings
from ..core.tool_functions import FunctionTool
from ..core.tools import BaseTool

OnEvent = Callable[[Event], None]
Prompt = str | Message
"""A text, or a message of a PromptManager: the run's metadata then tells of its template."""

FILLED_IN = {"objective", "tools", "tool_references", "live_tools", "caller_id"}
"""Fields of RunSpec that are not the caller's to give."""
RUN_OPTIONS = {field.name for field in fields(RunSpec)} - FILLED_IN
OWN_OPTIONS = {"tools", "session_id", "on_event"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A session to submit."""

    session_id: str
    spec: RunSpec
    """Without its tools."""
    pool_tools: tuple[str, ...]
    live_tools: tuple[BaseTool, ...]
    on_event: OnEvent | None

    @classmethod
    def of(cls, objective: Prompt, options: Mapping[str, Any], defaults: RunSpec) -> "Request":  # RUN_OPTIONS and OWN_OPTIONS
        """The request; raises LLMConfigurationError for an unknown option or something that is no tool."""
        _require_known(options, RUN_OPTIONS | OWN_OPTIONS)
        tools = options.get("tools", ())
        if isinstance(tools, str):
            raise LLMConfigurationError(f"tools is {tools!r}: give a list of tools", config_key="tools", config_value=tools)
        return cls(
            session_id=options.get("session_id") or str(uuid.uuid4()),
            spec=run_spec(objective, {name: value for name, value in options.items() if name in RUN_OPTIONS}, defaults),
            pool_tools=tuple(tool for tool in tools if isinstance(tool, str)),
            live_tools=tuple(_live(tool) for tool in tools if not isinstance(tool, str)),
            on_event=options.get("on_event"),
        )


def run_spec(objective: Prompt, options: Mapping[str, Any], defaults: RunSpec) -> RunSpec:  # RUN_OPTIONS
    """A run with these options; raises LLMConfigurationError for an unknown one, or a value that does not fit."""
    _require_known(options, RUN_OPTIONS)
    given = _with_prompts({"objective": objective, **options})
    try:
        checked = RUN_SPEC.validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        message = f"{place} is {first['input']!r}: {first['msg'].lower()}"
        raise LLMConfigurationError(message, config_key=place, config_value=repr(first["input"])) from error
    return replace(defaults, **{name: getattr(checked, name) for name in given})


def default_spec(settings: Settings) -> RunSpec:
    """A run without an objective, as the settings want runs to be."""
    wanted = settings.conversation_management
    limits = RunLimits(max_steps=wanted.max_steps, deadline_s=wanted.deadline_s, caller_timeout_s=wanted.caller_timeout_s)
    return RunSpec(objective="", protocol=wanted.protocol, limits=limits)


def completed(spec: RunSpec, settings: Settings) -> RunSpec:
    """The spec with its provider's settings where it says nothing itself.

    Raises:
        LLMConfigurationError: The provider is unknown, or two tools have one name.
    """
    provider = settings.provider(spec.provider)
    twice = [name for name, count in Counter(tool.name for tool in spec.tools).items() if count > 1]
    if twice:
        raise LLMConfigurationError(f"two tools are named {twice[0]!r}: rename one of them", config_key="tools", config_value=twice[0])
    return replace(
        spec,
        model=spec.model or provider.model,
        temperature=provider.temperature if spec.temperature is None else spec.temperature,
        max_output_tokens=provider.max_tokens if spec.max_output_tokens is None else spec.max_output_tokens,
    )


def with_live_tools(spec: RunSpec, tools: Sequence[BaseTool], caller_id: str) -> RunSpec:
    """The spec with these tools added, which run at the caller."""
    schemas = [replace(tool.get_schema(), name=tool.name) for tool in tools]
    return replace(spec, tools=(*spec.tools, *schemas), live_tools=tuple(schema.name for schema in schemas), caller_id=caller_id)


def _with_prompts(given: dict[str, Any]) -> dict[str, Any]:  # fields of RunSpec
    """The same in RunSpec's own types, with the templates of objective, system and history in the metadata."""
    history = _flat_messages(given.get("history"))
    told = [*_flat_messages([given.get("system")]), *history, *_flat_messages([given["objective"]])]
    if not told:
        return given
    typed: dict[str, Any] = {name: value.content for name, value in given.items() if isinstance(value, Message)}
    if history:
        typed["history"] = typed_messages(history)
    return {**given, **typed, "metadata": with_origins(given.get("metadata", {}), told)}


def _flat_messages(messages: object) -> list[Message]:
    """The messages, if all are of the contract's kind; what else they may be is checked elsewhere."""
    found = [message for message in messages if isinstance(message, Message)] if isinstance(messages, Sequence) else []
    return found if isinstance(messages, Sequence) and len(found) == len(messages) else []


def _live(tool: object) -> BaseTool:
    if isinstance(tool, BaseTool):
        return tool
    if callable(tool):
        return FunctionTool(tool)
    problem = f"{tool!r} is no tool: give a name of the settings' tools, 'module:name', a function or a BaseTool"
    raise LLMConfigurationError(problem, config_key="tools")


def _require_known(options: Iterable[str], known: Set[str]) -> None:
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f" (did you mean {near[0]!r}?)" if near else ""
            raise LLMConfigurationError(f"unknown option {name!r}{meant}; known: {', '.join(sorted(known))}", config_key=name)
