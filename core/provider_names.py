"""The names that a provider may go by: the package's own, those registered in this process, and those of installed packages."""

import re
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points

ENTRY_POINTS = "polaris_llm.providers"
"""The group under which an installed package offers providers: each a `Provider`, or a client's class."""

_IMPORT_REFERENCE = re.compile(r"[^\W\d][\w.]*:[^\W\d][\w.]*")
_announced: set[str] = set()


class LLMProvider(StrEnum):
    """The providers that the package knows by name; others can be registered."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    AZURE = "azure"
    LOCAL = "local"
    MOCK = "mock"


def announce(name: str) -> None:
    """Let configurations and settings of this process use a name."""
    _announced.add(name)


def entry_point(name: str) -> EntryPoint | None:
    """What an installed package offers under a name."""
    return next(iter(entry_points(group=ENTRY_POINTS, name=name)), None)


def is_import_reference(name: str) -> bool:
    """Whether a provider is named by where its code is, `module:attribute`, which every process of a cluster finds."""
    return _IMPORT_REFERENCE.fullmatch(name) is not None


def is_provider_name(name: str) -> bool:
    """Whether a provider may go by this name, beside the package's own."""
    return name in _announced or is_import_reference(name) or entry_point(name) is not None


def other_names() -> list[str]:
    """The names, beside the package's own, that are known in this process."""
    return sorted({*_announced, *entry_points(group=ENTRY_POINTS).names})


def known_provider(name: str) -> LLMProvider | str:
    """The provider of a name; raises ValueError for one that nobody has."""
    if name in set(LLMProvider):
        return LLMProvider(name)
    if not is_provider_name(name):
        known = ", ".join([*LLMProvider, *other_names()])
        raise ValueError(f"unknown provider {name!r}; known: {known}; register others with LLMClientFactory.register_client")
    return name
