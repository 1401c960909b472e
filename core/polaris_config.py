"""POLARIS's settings in terms of ours: what means something here takes effect, the rest is listed with the reason.

Pure: content in, content and notes out. A name of neither vocabulary stays where it is, for the strict check to refuse.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel, SecretStr

from .settings_errors import known_names, masked, nearest, own_path
from .settings_file import key_reference

logger = logging.getLogger(__name__)

BUILT_IN_TOOLS = {
    "echo": "polaris_llm.core.tool_registry:EchoTool",
    "calculator": "polaris_llm.core.tool_registry:CalculatorTool",
}
POLARIS_SECTIONS = ("prompts", "observability")
"""Sections of POLARIS's file that no setting of ours corresponds to."""

Path = tuple[Any, ...]  # keys of YAML: names, but whoever errs may write a number

_SHOWN_CHARS = 80
_CUSTOM_TEMPLATES = "prompt_management.enable_custom_templates"
_CONVERSATIONS = "used by conversation_manager_for(settings)"
_OUTSIDE_A_RUNTIME = {
    "prompt_management.template_directory": "used by prompt_manager_for(settings) and conversation_manager_for(settings)",
    "conversation_management.max_conversations": _CONVERSATIONS,
    "conversation_management.max_messages_per_conversation": _CONVERSATIONS,
    "conversation_management.cleanup_interval_hours": _CONVERSATIONS,
}
"""Settings that the actors of a runtime have no use for."""
_NO_TOOL = "no such tool here; register it as module:name in tool_registry.tools"
_CACHED_TOOL = "used, unless the tool's effect is once"
_UNCACHED = "caching.enabled is false"
_TTLS_OF_TOOLS = ("cache_ttl_s", "cache_ttl")
_REPLACED = {
    "llm.cache_ttl": "caching.default_ttl_s",
    "llm.enable_function_calling": "conversation_management.protocol",
    "tool_registry.default_tools": "tool_registry.tools",
}
"""POLARIS's settings that are ones of ours, in other words; where both stand, ours holds."""
_WITHOUT_EFFECT = {
    "llm.enable_streaming": "answers arrive whole",
    "llm.enable_safety_settings": "no provider here has such a switch; what its API takes stands in llm.extras",
    "llm.top_k": "write it into llm.extras, if the server takes it",
    "tool_registry.custom_tools_directory": "no directory is searched for code; list tools as module:name in tool_registry.tools",
    "tool_registry.enable_tool_validation": "arguments are always checked against the tool's schema",
    "conversation_management.enable_conversation_persistence": "a runtime logs every session in its journal",
    "caching.cleanup_interval": "answers go when they expire or their room is needed",
    "caching.enable_cache_metrics": "no metrics are recorded yet; see runtime.health()",
    "prompts.*": "its template and its caller decide what a prompt shows",
    "observability.logging.log_llm_re*": "requests and responses are never logged in full",
    "observability.logging.*": "sessions and tool calls stand in the journal",
    "observability.tracing.*": "no traces are recorded yet",
    "observability.*": "no metrics are recorded yet; see runtime.health()",
}
"""Names of POLARIS's that nothing here obeys, and why. The first pattern that fits holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What becomes of one setting of a file."""

    path: str
    value: str
    """As it may be shown."""
    effect: str
    """`used`, `used as X`, `used where ...`, or `not used: why`."""

    @property
    def is_used(self) -> bool:
        """Whether it takes effect."""
        return self.effect.startswith("used")


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """Settings in our words, and a note for each that was given."""

    content: dict[str, Any]  # JSON
    notes: tuple[Note, ...]


def translate(content: Mapping[str, Any], settings: type[BaseModel]) -> Translation:  # JSON
    """The content for `settings` to check."""
    result: dict[str, Any] = {}
    replaced: dict[str, Any] = {}
    notes: list[Note] = []
    for path, value in _leaves(content):
        name = ".".join(map(str, path))
        target = _REPLACED.get(name)
        dropped = _reason_to_drop(name, content) or _tool_option_reason(path, settings)
        idle = None if dropped else _idle_reason(name, content) or _tool_idle_reason(path, content)
        if target and not dropped:
            replaced[target] = _in_our_words(target, value)
        elif not dropped:
            _put(result, path, value)
        effect = f"not used: {dropped or idle}" if dropped or idle else _use(name, target or own_path(settings, path))
        notes += _tool_notes(path, value, effect) if target == "tool_registry.tools" else [_note(path, value, effect)]
    for target, value in replaced.items():  # last, when their sections are there
        _put(result, tuple(target.split(".")), value)
    return Translation(content=result, notes=tuple(notes))


def llm_section(raw: object, settings: type[BaseModel]) -> object:
    """POLARIS's section `llm` as it stands in memory: without the names that nobody knows, its key as a secret or a reference."""
    if not isinstance(raw, Mapping):
        return raw
    known = {name: value for name, value in raw.items() if _is_known(str(name), settings)}
    if len(known) < len(raw):
        logger.warning("llm of POLARIS's configuration: ignored %s", ", ".join(str(name) for name in raw if name not in known))
    key = known.pop("api_key", None)
    return known if key in (None, "") else {**known, "api_key": _kept_secret(key)}


def _is_known(name: str, settings: type[BaseModel]) -> bool:
    return name in known_names(settings, ("llm",)) or f"llm.{name}" in {**_REPLACED, **_WITHOUT_EFFECT}


def _kept_secret(key: object) -> object:
    """POLARIS has put the key itself in place of its variable, and may have taken one of digits for a number."""
    if isinstance(key, SecretStr):
        return key
    reference = key_reference(str(key))
    return reference if reference.startswith(("env:", "file:")) else SecretStr(reference)


def _use(name: str, own_name: str) -> str:
    if name.startswith("tools.") and name.endswith(_TTLS_OF_TOOLS):
        return _CACHED_TOOL
    return _OUTSIDE_A_RUNTIME.get(name) or ("used" if name == own_name else f"used as {own_name}")


def _leaves(content: Mapping[Any, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), {} if isinstance(value, Mapping) else value


def _put(content: dict[Any, Any], path: Path, value: object) -> None:
    for name in path[:-1]:
        content = content.setdefault(name, {})
        if not isinstance(content, dict):
            return  # no section, which the strict check says
    content[path[-1]] = value


def _at(content: object, path: str) -> Any:  # JSON
    for name in path.split("."):
        content = content.get(name) if isinstance(content, Mapping) else None
    return content


def _reason_to_drop(name: str, content: Mapping[str, Any]) -> str | None:
    target = _REPLACED.get(name)
    if target and _at(content, target) is not None:
        return f"{target} says it"
    if name == "caching.default_ttl" and _at(content, "llm.cache_ttl") is not None:
        return "llm.cache_ttl says how long answers are kept"
    if name == "prompt_management.template_directory" and _at(content, _CUSTOM_TEMPLATES) is False:
        return "enable_custom_templates is false"
    return next((reason for pattern, reason in _WITHOUT_EFFECT.items() if fnmatchcase(name, pattern)), None)


def _idle_reason(name: str, content: Mapping[str, Any]) -> str | None:
    """Why a setting of ours, which is checked like all others, changes nothing in this place."""
    is_mock = (_at(content, "llm.kind") or _at(content, "llm.provider") or "mock") == "mock"
    return "the mock asks no server" if is_mock and name in ("llm.base_url", "llm.api_endpoint", "llm.top_p") else None


def _tool_option_reason(path: Path, settings: type[BaseModel]) -> str | None:
    if len(path) < 3 or path[0] != "tools":
        return None
    known = known_names(settings, path[:2])
    if path[2] in known or nearest(str(path[2]), known):  # a typo, which the strict check names
        return None
    return "tools are not told settings; give it to the tool where it is built"


def _tool_idle_reason(path: Path, content: Mapping[str, Any]) -> str | None:
    if len(path) != 3 or path[0] != "tools":
        return None
    if not _may_be_listed(path[1], content):
        return _NO_TOOL
    return _UNCACHED if path[2] in _TTLS_OF_TOOLS and _at(content, "caching.enabled") is False else None


def _may_be_listed(name: object, content: Mapping[str, Any]) -> bool:
    """Whether a tool of the registry may have that name; what a reference is called, only its module knows."""
    listed = _at(content, "tool_registry.tools")
    if listed is None:
        listed = _in_our_words("tool_registry.tools", _at(content, "tool_registry.default_tools"))
    references = list(BUILT_IN_TOOLS.values()) if not isinstance(listed, list | tuple) else listed
    return BUILT_IN_TOOLS.get(str(name)) in references or any(reference not in BUILT_IN_TOOLS.values() for reference in references)


def _in_our_words(target: str | None, value: object) -> object:
    if target == "conversation_management.protocol" and isinstance(value, bool):
        return "native" if value else "json"
    if target == "tool_registry.tools" and isinstance(value, list | tuple):
        return [BUILT_IN_TOOLS.get(tool, tool) if isinstance(tool, str) else tool for tool in value if _is_tool(tool)]
    return value


def _is_tool(tool: object) -> bool:
    return not isinstance(tool, str) or tool in BUILT_IN_TOOLS or ":" in tool


def _tool_notes(path: Path, value: object, effect: str) -> list[Note]:
    if not isinstance(value, list | tuple) or not value:
        return [_note(path, value, effect)]
    return [_note((*path, number), tool, effect if _is_tool(tool) else f"not used: {_NO_TOOL}") for number, tool in enumerate(value)]


def _note(path: Path, value: Any, effect: str) -> Note:  # JSON
    shown = masked(value, path)
    text = shown if isinstance(shown, str) and shown.isprintable() else json.dumps(shown, default=str)
    return Note(path=".".join(map(str, path)), value=text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}...", effect=effect)
